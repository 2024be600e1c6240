"""``tflited jobs``, ``retry``, ``discard`` and ``cancel``: the queue and its history."""

from typing import Annotated, Any

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.options import AsJson, Config, Directory, settings
from tflited.domain.job import JobState

JobId = Annotated[int, typer.Argument(help="Number of the job.")]


def jobs(
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only dead jobs.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """List jobs, newest first."""
    query: dict[str, str | int] = {"limit": limit}
    wanted = JobState.DEAD if dead else state
    if wanted is not None:
        query["state"] = wanted.value
    answer = Client(settings(config, directory).socket).get("/api/v1/jobs", **query)
    if json:
        show.as_json(answer)
        return 0
    columns = ("job", "model", "state", "trigger", "attempts", "created", "reason")
    show.table("", columns, map(_row, answer))
    return 0


def retry(job: JobId, config: Config = None, directory: Directory = None) -> int:
    """Queue a failed or dead job again."""
    Client(settings(config, directory).socket).post(f"/api/v1/jobs/{job}/retry")
    print(f"job {job} is queued")
    return 0


def discard(job: JobId, config: Config = None, directory: Directory = None) -> int:
    """Put a failed or dead job away; the same input is not built again by itself."""
    Client(settings(config, directory).socket).post(f"/api/v1/jobs/{job}/discard")
    print(f"job {job} is put away, listed as cancelled")
    return 0


def cancel(job: JobId, config: Config = None, directory: Directory = None) -> int:
    """End a queued or running job."""
    answer = Client(settings(config, directory).socket).post(f"/api/v1/jobs/{job}/cancel")
    is_over = answer["state"] == JobState.CANCELLED
    print(f"job {job} is {'cancelled' if is_over else 'being cancelled'}")
    return 0


def waits_for(job: dict[str, Any]) -> str:
    """What a job in a JSON answer waits for; empty for nothing."""
    return f"waits: {job['waits_for']}" if job["waits_for"] else ""


def _row(entry: dict[str, Any]) -> tuple[Any, ...]:
    failure = entry["failure"] or {}
    return (
        entry["id"],
        show.model(entry["model"]),
        entry["state"],
        entry["trigger"],
        entry["attempts"],
        show.moment(entry["created_at"]),
        waits_for(entry) or failure.get("message", ""),
    )
