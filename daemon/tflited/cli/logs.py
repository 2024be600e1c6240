"""``tflited logs``: what the children of a job's attempts said."""

from typing import Annotated

import typer

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.jobs import JobId
from tflited.cli.options import AsJson, Config, Directory, settings
from tflited.domain.attempt_record import AttemptRecord, as_text
from tflited.errors import UsageError


def logs(
    job: JobId,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only this attempt.")] = None,
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """Show what the children of a job wrote, attempt by attempt, and how each ended."""
    from pydantic import TypeAdapter

    answer = Client(settings(config, directory).socket).get(f"/api/v1/jobs/{job}/attempts")
    wanted = [entry for entry in answer if attempt in (None, entry["attempt"])]
    if not wanted:
        kept = ", ".join(str(entry["attempt"]) for entry in answer)
        which = f"Job {job} has no record" + (f" of attempt {attempt}" if attempt else "")
        hint = f"there are those of {kept}" if kept else "it has not run yet, or it is long ago"
        raise UsageError(f"{which}.", hint=hint)
    if json:
        show.as_json(wanted)
        return 0
    records = TypeAdapter(list[AttemptRecord]).validate_python(wanted)
    print("\n".join(map(as_text, records)), end="")
    return 0
