"""What a finished file costs to run: counted from its shapes, and timed; inside a child only."""
