"""Child processes, which do what may crash or hang."""
