"""Calibration and evaluation data: one module for each kind of file, none of which knows a model.

What is read here is hostile: sizes are checked before memory is taken, and nothing is unpickled.
"""
