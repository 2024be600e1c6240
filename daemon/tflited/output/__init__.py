"""The output tree: publication of whole sets, their records, retention, and hooks."""
