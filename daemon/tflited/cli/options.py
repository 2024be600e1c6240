"""Options that commands share, and what they mean."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tflited.engine.locate import places
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


def asked_path(text: str, loaded: Settings) -> str:
    """A path as the daemon takes it: one that is there from the current folder is made absolute.

    Args:
        text: absolute, ``ROOT/PATH``, ``PATH`` below a root, or relative to the current folder.
        loaded: the configuration, for its roots.
    """
    absolute = os.path.abspath(text)  # noqa: PTH100  # resolves "..", which a link would mislead
    is_known = os.path.lexists(absolute) and bool(places(absolute, loaded.roots))
    return absolute if is_known else text
