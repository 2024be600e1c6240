"""From roots on disk to admitted models: watch, scan, settle, admit, digest, stage."""
