"""A look into a model's files before they are opened: clear words, never the boundary."""
