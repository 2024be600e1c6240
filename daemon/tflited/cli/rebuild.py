"""``tflited rebuild --stale``: renews what other toolchain versions published."""

from typing import Annotated

import typer

from tflited.cli.client import Client
from tflited.cli.options import Config, Directory, settings
from tflited.errors import UsageError


def rebuild(
    stale: Annotated[bool, typer.Option("--stale", help="Every stale model.")] = False,
    config: Config = None,
    directory: Directory = None,
) -> int:
    """Build models anew whose toolchain versions changed since."""
    if not stale:
        raise UsageError(
            "rebuild needs --stale.", hint="tflited trigger PATH --force builds one model anew"
        )
    answer = Client(settings(config, directory).socket).post("/api/v1/rebuild-stale")
    print(f"{answer['queued']} models are queued")
    return 0
