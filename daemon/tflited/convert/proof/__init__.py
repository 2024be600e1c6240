"""What a variant claims is there, and its numbers are the source's."""
