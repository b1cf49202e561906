"""Augmentations: what is done to the frames of a clip."""
