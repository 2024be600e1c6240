"""``tflited trigger``: asks for a build now, through the daemon or its spool."""

import json as json_module
import uuid
from typing import Annotated, Any

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.options import AsJson, Config, Directory, settings
from tflited.errors import DaemonUnreachableError


def trigger(  # noqa: PLR0913, PLR0917  # each is one option of the command
    path: Annotated[str, typer.Argument(help="Absolute, ROOT/PATH or PATH below a root.")],
    force: Annotated[bool, typer.Option("--force", help="Build even when unchanged.")] = False,
    priority: Annotated[int, typer.Option(min=0, max=9, help="9 goes first.")] = 5,
    id: Annotated[  # noqa: A002  # the document's own word
        str | None, typer.Option("--id", help="Idempotency key.")
    ] = None,
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """Ask for a build of one model now."""
    loaded = settings(config, directory)
    document: dict[str, Any] = {
        "version": 1,
        "id": id or uuid.uuid4().hex,
        "model": {"path": path},
        "priority": priority,
        "force": force,
    }
    body = json_module.dumps(document).encode()
    try:
        receipt = Client(loaded.socket).post("/api/v1/triggers", body)
    except DaemonUnreachableError:
        from tflited.app import SPOOL_NAME
        from tflited.triggers.spool import drop

        left = drop(loaded.state / SPOOL_NAME, f"cli-{document['id']}.json", body)
        print(f"no daemon answers; left for its next start: {left}")
        return 0
    if json:
        show.as_json(receipt)
    else:
        again = " (the job from before)" if receipt["is_duplicate"] else ""
        print(f"job {receipt['job_id']}{again}")
    return 0
