"""``tflited why``: what a path is, and why something is or is not done about it."""

import json as json_module
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.jobs import waits_for
from tflited.cli.options import AsJson, Config, Directory, asked_path, settings
from tflited.errors import DaemonUnreachableError
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
    print(show.printable(f"{answer['path']}: {answer['subject']}"))
    print(show.printable(answer["summary"]))
    for label, text in _facts(answer):
        if text:
            print(show.printable(f"  {label}: {text}"))
    return 0


def _ask(loaded: Settings, path: str) -> Any:
    try:
        return Client(loaded.socket).get("/api/v1/why", path=path)
    except DaemonUnreachableError:
        return _offline(loaded, path)


def _facts(answer: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    model, manifest, job = answer["model"] or {}, answer["manifest"] or {}, answer["job"] or {}
    origins = sorted(set(answer["origins"].values()))
    return (
        ("next", answer["hint"]),
        ("until", show.moment(model.get("until"))),
        ("policy", f"{answer['policy_name']}; keys from {', '.join(origins)}" if origins else ""),
        ("job", _job(job) if job else ""),
        ("next attempt", show.moment(answer["next_retry"])),
        ("published", ", ".join(_variant(entry) for entry in manifest.get("variants", ()))),
        ("output", answer["output"]),
    )


def _job(job: dict[str, Any]) -> str:
    waits = waits_for(job)
    return f"{job['id']} {job['state']}" + (f", {waits}" if waits else "")


def _variant(entry: dict[str, Any]) -> str:
    reason = f" ({entry['reason']})" if entry["reason"] else ""
    return f"{entry['variant']} {entry['state']}{reason}"


def _offline(loaded: Settings, path: str) -> Any:
    """The same answer without a daemon, from one look at the disk."""
    from pydantic import TypeAdapter

    from tflited import once
    from tflited.domain.status import Explanation

    with once.explainer(loaded) as explainer:
        answer = explainer.why(path)
    return json_module.loads(TypeAdapter(Explanation).dump_json(answer))
