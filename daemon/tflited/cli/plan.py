"""``tflited plan``: what would be built and why, without doing it."""

import json as json_module
from typing import Annotated, Any

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.options import AsJson, Config, Directory, settings
from tflited.domain.status import Action
from tflited.errors import DaemonUnreachableError
from tflited.settings.model import Settings


def plan(
    everything: Annotated[bool, typer.Option("--all", help="Also what needs nothing.")] = False,
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """Show what would be built and why; works with and without a daemon."""
    loaded = settings(config, directory)
    try:
        answer = Client(loaded.socket).get("/api/v1/plan")
    except DaemonUnreachableError:
        answer = _offline(loaded)
    if json:
        show.as_json(answer)
        return 0
    wanted = [entry for entry in answer if everything or entry["action"] != Action.NOTHING]
    if not wanted:
        print(f"nothing to do for {len(answer)} models")
        return 0
    rows = ((entry["action"], show.model(entry["model"]), entry["reason"]) for entry in wanted)
    show.table("", ("action", "model", "reason"), rows)
    return 0


def _offline(loaded: Settings) -> Any:
    from pydantic import TypeAdapter

    from tflited import once
    from tflited.domain.status import PlanEntry

    with once.explainer(loaded) as explainer:
        answer = explainer.plan()
    return json_module.loads(TypeAdapter(tuple[PlanEntry, ...]).dump_json(answer))
