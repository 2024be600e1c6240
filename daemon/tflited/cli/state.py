"""``tflited state backup|restore|check``: copies of the job store and what waits beside it."""

from pathlib import Path
from typing import Annotated

import typer

from tflited.assembly import RECORDS
from tflited.cli.options import Config, Directory, settings
from tflited.store import backup

application = typer.Typer(
    help="Back up, restore and check the daemon's records.", no_args_is_help=True
)
Copy = Annotated[Path, typer.Argument(metavar="FILE", help="A tar file.")]


@application.command("backup")
def back_up(file: Copy, config: Config = None, directory: Directory = None) -> int:
    """Write a copy of the records into a new file; the daemon may run meanwhile."""
    loaded = settings(config, directory)
    contents = backup.back_up(loaded.state, RECORDS, file)
    print(f"{file}: {_told(contents)}")
    return 0


@application.command("restore")
def restore(file: Copy, config: Config = None, directory: Directory = None) -> int:
    """Put a copy into the state folder, which must have no job store and no daemon."""
    loaded = settings(config, directory)
    contents = backup.restore(file, loaded.state)
    print(f"{loaded.state}: {_told(contents)}; the next start goes on from there")
    return 0


@application.command("check")
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A copy; without one the job store.")
    ] = None,
    config: Config = None,
    directory: Directory = None,
) -> int:
    """Read a copy, or the job store in use, to its end; exit 1 when it is not whole."""
    if file is not None:
        print(f"{file}: whole, {_told(backup.check(file))}")
        return 0
    store = settings(config, directory).state / RECORDS.store
    print(f"{store}: whole, {backup.check_store(store)} jobs")
    return 0


def _told(contents: backup.Contents) -> str:
    beside = len(contents.files) - 1
    return (
        f"{contents.jobs} jobs and {beside} files beside them, made {contents.made_at}"
        f" by release {contents.release}, schema {contents.schema}"
    )
