"""The child's work: a model in, a proven set out; the only package that imports tensorflow.

Loaded by module name inside a sandboxed child and by nothing else.
"""
