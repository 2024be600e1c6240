"""``tflited trigger``: asks for a build now, through the daemon or its spool."""

import json as json_module
import uuid
from typing import Annotated, Any

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.options import AsJson, Config, Directory, settings
from tflited.errors import DaemonUnreachableError, UsageError


def trigger(  # noqa: PLR0913, PLR0917  # each is one option of the command
    path: Annotated[
        str | None, typer.Argument(help="Absolute, ROOT/PATH or PATH below a root.")
    ] = None,
    hub: Annotated[
        str | None, typer.Option("--hub", help="A TensorFlow Hub handle instead of a path.")
    ] = None,
    input_shape: Annotated[
        list[str] | None,
        typer.Option(
            "--input-shape",
            help="With --hub: 1,224,224,3 for the only input, NAME=1,4 for each of several.",
        ),
    ] = None,
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
        "model": _model(path, hub, input_shape or []),
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


def _model(path: str | None, hub: str | None, shapes: list[str]) -> dict[str, Any]:
    """The document's ``model``.

    Raises:
        UsageError: not exactly one of path and handle, or a shape that is none.
    """
    if (path is None) is (hub is None) or (shapes and hub is None):
        raise UsageError(
            "Name a model by its path, or a Hub module by --hub and, if needed, --input-shape.",
            hint="tflited trigger --help",
        )
    if hub is None:
        return {"path": path}
    if not shapes:
        return {"hub": hub}
    named = dict(_shape(text) for text in shapes)
    if len(named) != len(shapes) or ("" in named and len(named) > 1):
        raise UsageError(
            f"--input-shape is given {len(shapes)} times, and not once for each name.",
            hint="write --input-shape NAME=1,4 for each of several inputs",
        )
    return {"hub": hub, "input_shape": named.get("", named)}


def _shape(text: str) -> tuple[str, list[int]]:
    name, _, sizes = text.rpartition("=")
    try:
        return name, [int(size) for size in sizes.split(",")]
    except ValueError as error:
        raise UsageError(
            f"--input-shape: observed {text!r}, allowed whole numbers with commas between them.",
            hint="--input-shape 1,224,224,3",
        ) from error
