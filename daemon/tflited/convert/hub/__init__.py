"""TensorFlow Hub: fetching runs in a child of its own without tensorflow, opening in the build's.

``fetch``, ``unpack`` and ``place`` use the standard library only and run no model code.
"""
