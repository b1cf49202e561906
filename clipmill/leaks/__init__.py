"""Leaks: find clips that show the same, most of all across splits."""
