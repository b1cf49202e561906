"""Loading: from bytes to the arrays of a batch."""
