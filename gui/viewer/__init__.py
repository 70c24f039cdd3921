"""A tensor in a window of its own."""
