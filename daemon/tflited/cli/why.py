"""``tflited why``: what a path is, and why something is or is not done about it."""

import json as json_module
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.options import AsJson, Config, Directory, asked_path, settings
from tflited.domain.status import Explanation
from tflited.errors import DaemonUnreachableError
from tflited.pages.why_facts import facts
from tflited.settings.model import Settings


def why(
    path: Annotated[str, typer.Argument(help="Absolute, ROOT/PATH or PATH below a root.")],
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """Say what a path is, which policy holds, what it waits for, and what to do."""
    loaded = settings(config, directory)
    answer = _ask(loaded, asked_path(path, loaded))
    if answer["subject"] == "not there" and os.path.lexists(path):
        answer = _ask(loaded, str(Path(path).absolute()))  # it is there, and outside the roots
    if json:
        show.as_json(answer)
        return 0
    told = _understood(answer)
    print(show.printable(f"{told.path}: {told.subject}"))
    print(show.printable(told.summary))
    for label, text in facts(told):
        print(show.printable(f"  {label}: {text}"))
    return 0


def _ask(loaded: Settings, path: str) -> Any:
    try:
        return Client(loaded.socket).get("/api/v1/why", path=path)
    except DaemonUnreachableError:
        return _offline(loaded, path)


def _understood(answer: Any) -> Explanation:
    from pydantic import TypeAdapter

    return TypeAdapter(Explanation).validate_python(answer)


def _offline(loaded: Settings, path: str) -> Any:
    """The same answer without a daemon, from one look at the disk."""
    from pydantic import TypeAdapter

    from tflited import once

    with once.explainer(loaded) as explainer:
        answer = explainer.why(path)
    return json_module.loads(TypeAdapter(Explanation).dump_json(answer))
