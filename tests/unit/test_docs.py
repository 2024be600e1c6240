"""What the documentation says, as far as a machine can check it."""

import re
from pathlib import Path

import pytest
from rich.console import Console
from typer.main import get_command

from tflited.cli import app
from tflited.domain.job import TriggerSource
from tflited.triggers import document

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"), *CHECKOUT.glob("benchmarks/*.md")]
)
