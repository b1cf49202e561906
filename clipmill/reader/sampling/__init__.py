"""Samplers: which frames of a clip."""
