"""Decoding: from clips to fragments of encoded frames."""
