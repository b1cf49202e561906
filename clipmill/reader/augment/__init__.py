"""Augmentations, which change the frames of a clip."""
