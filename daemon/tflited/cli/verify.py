"""``tflited verify``: a published tree against its manifests, without a daemon."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tflited.cli import show
from tflited.cli.options import AsJson
from tflited.errors import OutputError
from tflited.output.verify import Finding, Verification
from tflited.output.verify import verify as compare

_COLUMNS = ("set", "file", "fault", "observed", "allowed")


def verify(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="An output tree, a part of one, or one set.")
    ],
    json: AsJson = False,
) -> int:
    """Compare published sets with their manifests: sizes, SHA-256, missing and extra files."""
    try:
        found = compare(directory)
    except OSError as error:
        raise OutputError(
            f"{directory} cannot be read: {error.strerror or error}.",
            hint="name an output tree or a published set",
        ) from error
    if json:
        show.as_json(asdict(found))
    else:
        _print(found)
    if not found.sets and not found.findings:
        raise OutputError(
            f"{directory} holds no set.", hint="name an output tree or a published set"
        )
    return 1 if found.findings else 0


def _print(found: Verification) -> None:
    if found.findings:
        show.table("", _COLUMNS, map(_row, found.findings))
    verdict = f"{len(found.findings)} findings" if found.findings else "all as listed"
    print(f"{found.sets} sets, {found.files} files, {found.size_bytes} bytes: {verdict}")


def _row(finding: Finding) -> tuple[str, ...]:
    return finding.place, finding.file, finding.fault, finding.observed, finding.allowed
