"""``tflited confirm``: lets the removals go that wait for a person."""

from typing import Annotated
from urllib.parse import quote

import typer

from tflited.cli.client import Client
from tflited.cli.options import Config, Directory, settings


def confirm(
    root: Annotated[str, typer.Argument(help="The name of a root.")],
    config: Config = None,
    directory: Directory = None,
) -> int:
    """Let the sets go that wait to leave, and take a root that came back empty as it is."""
    path = f"/api/v1/roots/{quote(root, safe='')}/confirm"
    answer = Client(settings(config, directory).socket).post(path)
    print(f"{answer['confirmed']} sets leave the output tree; root {root} is taken as it is")
    return 0
