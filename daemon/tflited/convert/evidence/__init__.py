"""What a conversion leaves for the proof in a sandbox of its own: no code, and no pickle."""
