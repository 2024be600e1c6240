"""The entry of a fetch that says something and then breaks."""

import os
from typing import Any


def run(_: dict[str, Any]) -> None:
    """Writes below Python, and raises what nobody expects."""
    os.write(2, b"native \x9b\x1b[2J[0x line\n")
    raise ValueError("broken")
