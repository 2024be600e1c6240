"""The smallest weights of a source become zeros, and are counted in its files."""
