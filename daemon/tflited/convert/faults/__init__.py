"""What TensorFlow says when it fails, and what a reader is told instead."""
