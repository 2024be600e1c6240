"""``tflited status``: the daemon, its roots and every model now."""

from typing import Annotated

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.options import AsJson, Config, Directory, settings
from tflited.cli.watch import follow
from tflited.errors import UsageError


def status(
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Follow it live until Ctrl-C.")
    ] = False,
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """Show what the daemon is doing."""
    client = Client(settings(config, directory).socket)
    if watch and json:
        raise UsageError(
            "--watch and --json exclude each other.", hint="GET /api/v1/events has JSON"
        )
    if watch:
        return follow(client)
    answer = client.get("/api/v1/status")
    if json:
        show.as_json(answer)
        return 0
    ready = "ready" if answer["is_ready"] else "not ready"
    print(f"tflited {answer['version']}: {ready}, {answer['slots']} slots")
    for check in answer["checks"]:
        if not check["is_ok"]:
            print(f"  {check['name']}: {show.printable(check['reason'])}")
    for root in answer["roots"]:
        state = "" if root["is_available"] else f" UNAVAILABLE: {root['reason']}"
        print(show.printable(f"root {root['name']}: {root['path']}{state}"))
        if waiting := root["removals_waiting"]:
            command = f"tflited confirm {root['name']}"
            print(show.printable(f"  {waiting} sets of removed models wait for {command}"))
        for path, reason in root["polled"].items():
            print(show.printable(f"  polled: {path or 'all of it'}: {reason}"))
    rows = (
        (show.model(entry["model"]), entry["phase"], entry["reason"], entry["hint"])
        for entry in answer["models"]
    )
    show.table("", ("model", "phase", "reason", "next"), rows)
    for entry in answer["running"]:
        name = show.printable(show.model(entry["model"]))
        print(f"job {entry['job_id']} {name}: {entry['stage']} {entry['detail']}")
    return 0
