"""``tflited plan``: what would be built and why, without doing it."""

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.options import AsJson, Config, Directory, asked_path, settings
from tflited.domain.status import Action
from tflited.engine.locate import places
from tflited.errors import DaemonUnreachableError, UsageError
from tflited.settings.model import Settings


def plan(  # noqa: PLR0913, PLR0917  # the options of a command
    everything: Annotated[bool, typer.Option("--all", help="Also what needs nothing.")] = False,
    is_offline: Annotated[
        bool,
        typer.Option("--offline", help="Look oneself, under the main file as it is on disk now."),
    ] = False,
    draft: Annotated[
        Path | None,
        typer.Option("--with", help="A policy file that stands for that of --folder."),
    ] = None,
    folder: Annotated[
        str, typer.Option("--folder", help="The folder that --with would hold for.")
    ] = ".",
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """Show what would be built or leave the output, and why; with and without a daemon.

    Before an edit takes effect: --with FILE --folder FOLDER tries a folder's policy, --offline an
    edited main file before tflited reload.
    """
    loaded = settings(config, directory)
    drafts = {} if draft is None else {_folder(folder, loaded): draft.absolute()}
    answer = _offline(loaded, drafts) if is_offline or drafts else _ask(loaded)
    if json:
        show.as_json(answer)
        return 0
    wanted = [entry for entry in answer if everything or entry["action"] != Action.NOTHING]
    if not wanted:
        print(f"nothing to do for {len(answer)} models")
        return 0
    rows = (
        (
            entry["action"],
            show.model(entry["model"]),
            "; ".join([entry["reason"], *entry["changes"]]),
        )
        for entry in wanted
    )
    show.table("", ("action", "model", "reason"), rows)
    return 0


def _ask(loaded: Settings) -> Any:
    try:
        return Client(loaded.socket).get("/api/v1/plan")
    except DaemonUnreachableError:
        return _offline(loaded, {})


def _folder(text: str, loaded: Settings) -> Path:
    """The folder that a draft is for, as its root names it.

    Raises:
        UsageError: it is no folder of a root.
    """
    for place in places(asked_path(text, loaded), loaded.roots):
        found = place.root.path / place.path
        if found.is_dir():
            return found
    roots = ", ".join(str(root.path) for root in loaded.roots)
    raise UsageError(f"--folder {text}: no folder of a root.", hint=f"the roots are {roots}")


def _offline(loaded: Settings, drafts: dict[Path, Path]) -> Any:
    from pydantic import TypeAdapter

    from tflited import once
    from tflited.domain.status import PlanEntry

    with once.explainer(loaded, drafts) as explainer:
        answer = explainer.plan()
    return json_module.loads(TypeAdapter(tuple[PlanEntry, ...]).dump_json(answer))
