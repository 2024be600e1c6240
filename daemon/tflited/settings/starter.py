"""Owns the files that ``tflited init`` writes: the least that works, with a word on each key."""

from typing import Final

MAIN_FILE: Final = """\
# tflited.toml: the main file. Relative paths are relative to this file's folder.
# Every key is described in docs/configuration.md.

[daemon]
output = "output"     # what is published: one folder per model
state = "state"       # the job store and scratch space

[http]
listen = "127.0.0.1:8571"

[[root]]
name = "models"       # first folder of the model's place in the output
path = "models"       # watched, with everything below
policy = "default"

[policy.default]
variants = ["float32", "dynamic_range", "float16"]
"""

FOLDER_POLICY: Final = """\
# .tflited.toml: holds for every model at or below this folder; a nearer file wins key by key.

variants = ["float32", "dynamic_range", "float16"]

# With representative inputs, integer variants become possible. The glob is relative to this file.
# variants = ["float32", "dynamic_range", "int8"]
# [calibration]
# data = "calibration/*.npz"
"""
