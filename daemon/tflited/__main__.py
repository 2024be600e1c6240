"""Runs the command line as ``python -m tflited``; holds no logic of its own."""

import sys

from tflited.cli import main

if __name__ == "__main__":
    sys.exit(main())
