"""Orders: which clips go into which batch."""
