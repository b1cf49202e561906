"""Access to the bytes of frames."""
