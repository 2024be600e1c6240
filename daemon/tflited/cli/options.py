"""Options that commands share, and what they mean."""

from pathlib import Path
from typing import Annotated

import typer

from tflited.errors import UsageError
from tflited.settings.load import load
from tflited.settings.model import Settings

SYSTEM_FILE = Path("/etc/tflited/tflited.toml")

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="TFLITED_CONFIG", help="Main configuration file."),
]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        "-d",
        help="Without a file: folder that holds models/, output/ and state/.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def settings(config: Path | None, directory: Path | None) -> Settings:
    """The configuration that a command works with.

    The file of ``--config``; else the embedded defaults below ``--directory``; else the system's
    file where it exists; else the embedded defaults below the current folder.

    Raises:
        UsageError: both options were given.
        ConfigurationError: the file is wrong.
    """
    if config is not None and directory is not None:
        raise UsageError("--config and --directory exclude each other.", hint="leave one out")
    if config is None and directory is None and SYSTEM_FILE.exists():
        config = SYSTEM_FILE
    return load(path=config, directory=directory)
