"""Reading the bytes of frames."""
