"""Signatures: what a clip shows, in a kilobyte, and which clips show the same by them."""
