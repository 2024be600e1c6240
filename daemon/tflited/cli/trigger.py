"""``tflited trigger``: asks for a build now, through the daemon or its spool."""

import json as json_module
import tomllib
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.jobs import waits_for
from tflited.cli.options import AsJson, Config, Directory, asked_path, settings
from tflited.domain.policy import ModelType, Variant
from tflited.errors import DaemonUnreachableError, UsageError
from tflited.settings.model import Settings

ModelPath = Annotated[str | None, typer.Argument(help="Absolute, ROOT/PATH or PATH below a root.")]
Hub = Annotated[str | None, typer.Option(help="A TensorFlow Hub handle instead of a path.")]
InputShape = Annotated[
    list[str] | None,
    typer.Option(help="With --hub: 1,224,224,3 for the only input, NAME=1,4 for each of several."),
]
Force = Annotated[bool, typer.Option("--force", help="Build even when unchanged.")]
PolicyName = Annotated[str | None, typer.Option(help="A [policy.NAME] instead of the folder's.")]
Variants = Annotated[list[Variant] | None, typer.Option(help="Only these; may be repeated.")]
Type = Annotated[ModelType | None, typer.Option(help="What the model is; else refused.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--set", help="A key of the policy, as in a file: 'prune.sparsity = 0.5'."),
]
SaveTo = Annotated[str | None, typer.Option(help="Path below the output tree.")]
Priority = Annotated[int, typer.Option(min=0, max=9, help="9 goes first.")]
Id = Annotated[str | None, typer.Option(help="Idempotency key.")]


def trigger(  # noqa: PLR0913, PLR0917  # each is one option of the command
    path: ModelPath = None,
    hub: Hub = None,
    input_shape: InputShape = None,
    force: Force = False,
    policy: PolicyName = None,
    variant: Variants = None,
    key: Keys = None,
    type: Type = None,  # noqa: A002  # the document's own word
    save_to: SaveTo = None,
    priority: Priority = 5,
    id: Id = None,  # noqa: A002  # the document's own word
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """Ask for a build of one model now; one that still settles is waited for."""
    loaded = settings(config, directory)
    document = {
        "version": 1,
        "id": id or uuid.uuid4().hex,
        "model": _model(path, hub, input_shape or [], loaded) | _type(type),
        "priority": priority,
        "force": force,
        **_own(policy, variant, key or [], save_to),
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


def _own(
    policy: str | None, variants: list[Variant] | None, keys: list[str], save_to: str | None
) -> dict[str, Any]:
    """The keys of a document that asks for another policy or another place."""
    own: dict[str, Any] = {}
    override = _override(keys) | ({"variants": variants} if variants else {})
    if policy is not None or override:
        own["policy"] = {"name": policy, "override": override}
    if save_to is not None:
        own["save_to"] = save_to
    return own


def _override(keys: list[str]) -> dict[str, Any]:
    """Keys of a policy, each as it would stand in a file.

    Raises:
        UsageError: they are no TOML.
    """
    try:
        override = tomllib.loads("\n".join(keys))
        json_module.dumps(override, allow_nan=False)  # a date has no form in JSON
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"--set: observed {', '.join(keys)!r}, allowed KEY = VALUE as in a file: {error}.",
            hint="--set 'c_array.style = \"arduino\"'",
        ) from error
    return override


def _type(asked: ModelType | None) -> dict[str, str]:
    return {} if asked is None else {"type": asked.value}


def _spool(loaded: Settings, body: bytes) -> Path:
    from tflited.assembly import SPOOL_NAME
    from tflited.triggers.spool import drop

    return drop(loaded.state / SPOOL_NAME, f"cli-{uuid.uuid4().hex}.json", body)


def _model(
    path: str | None, hub: str | None, shapes: list[str], loaded: Settings
) -> dict[str, Any]:
    """The document's ``model``.

    Raises:
        UsageError: not exactly one of path and handle, or a shape that is none.
    """
    if (path is None) is (hub is None) or (shapes and hub is None):
        raise UsageError(
            "Name a model by its path, or a Hub module by --hub and, if needed, --input-shape.",
            hint="tflited trigger --help",
        )
    if path is not None:
        return {"path": asked_path(path, loaded)}
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
