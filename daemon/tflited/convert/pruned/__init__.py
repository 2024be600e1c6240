"""A pruned model's way through a build: its two grounds for proof, and its sparse form."""
