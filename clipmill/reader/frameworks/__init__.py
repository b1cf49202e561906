"""Batches for TensorFlow and PyTorch."""
