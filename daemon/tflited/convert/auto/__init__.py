"""Chooses among the variants of a target by evidence; imported inside a child only."""
