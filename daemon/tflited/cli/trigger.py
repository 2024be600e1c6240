"""``tflited trigger``: asks for a build now, through the daemon or its spool."""

import json as json_module
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.jobs import waits_for
from tflited.cli.options import AsJson, Config, Directory, asked_path, settings
from tflited.domain.policy import Variant
from tflited.errors import DaemonUnreachableError
from tflited.settings.model import Settings


def trigger(  # noqa: PLR0913, PLR0917  # each is one option of the command
    path: Annotated[str, typer.Argument(help="Absolute, ROOT/PATH or PATH below a root.")],
    force: Annotated[bool, typer.Option("--force", help="Build even when unchanged.")] = False,
    policy: Annotated[
        str | None, typer.Option("--policy", help="A [policy.NAME] instead of the folder's.")
    ] = None,
    variant: Annotated[
        list[Variant] | None, typer.Option("--variant", help="Only these; may be repeated.")
    ] = None,
    save_to: Annotated[
        str | None, typer.Option("--save-to", help="Path below the output tree.")
    ] = None,
    priority: Annotated[int, typer.Option(min=0, max=9, help="9 goes first.")] = 5,
    id: Annotated[  # noqa: A002  # the document's own word
        str | None, typer.Option("--id", help="Idempotency key.")
    ] = None,
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """Ask for a build of one model now; one that still settles is waited for."""
    loaded = settings(config, directory)
    document = {
        "version": 1,
        "id": id or uuid.uuid4().hex,
        "model": {"path": asked_path(path, loaded)},
        "priority": priority,
        "force": force,
        **_own(policy, variant, save_to),
    }
    body = json_module.dumps(document).encode()
    try:
        receipt = Client(loaded.socket).post("/api/v1/triggers", body)
    except DaemonUnreachableError:
        receipt = {"spooled": str(_spool(loaded, body))}
    if json:
        show.as_json(receipt)
        return 0
    if "spooled" in receipt:
        print(f"no daemon answers; left for its next start: {receipt['spooled']}")
        return 0
    again = " (the job from before)" if receipt["is_duplicate"] else ""
    print(f"job {receipt['job_id']}{again}")
    if waits := waits_for(receipt):
        print(show.printable(f"  {waits}"))
    return 0


def _own(policy: str | None, variants: list[Variant] | None, save_to: str | None) -> dict[str, Any]:
    """The keys of a document that asks for another policy or another place."""
    own: dict[str, Any] = {}
    if policy is not None or variants:
        own["policy"] = {"name": policy, "override": {"variants": variants} if variants else {}}
    if save_to is not None:
        own["save_to"] = save_to
    return own


def _spool(loaded: Settings, body: bytes) -> Path:
    from tflited.app import SPOOL_NAME
    from tflited.triggers.spool import drop

    return drop(loaded.state / SPOOL_NAME, f"cli-{uuid.uuid4().hex}.json", body)
