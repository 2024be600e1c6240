"""``tflited convert``: converts one model without a daemon."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from tflited.cli import show
from tflited.cli.options import AsJson, Config
from tflited.domain.report import Stage
from tflited.errors import ConversionError
from tflited.pages import wording
from tflited.settings.load import load


def convert(
    path: Annotated[
        Path, typer.Argument(help="A SavedModel directory, .keras, .h5, .hdf5 or .hub.toml.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="NAME/ is published here.")],
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what its child processes wrote, too.")
    ] = False,
    config: Config = None,
    json: AsJson = False,
) -> int:
    """Convert one model now: same engine, proof and policy files as the daemon."""
    from dataclasses import asdict, replace

    from tflited import once
    from tflited.cli.report import show_candidates
    from tflited.cli.steps import followed
    from tflited.domain.attempt_record import words
    from tflited.output import records
    from tflited.telemetry import logs

    logs.configure(format="console", level="error")
    settings = replace(load(path=config, directory=Path()), output=output.resolve())
    output.mkdir(parents=True, exist_ok=True)
    with nullcontext(_quiet) if json else followed(sys.stderr) as progress:
        ended = once.convert(path, settings, progress)
    if verbose:
        print(words(ended.children), file=sys.stderr, end="")
    if ended.published is None or ended.failure is not None:
        failure = ended.failure
        raise ConversionError(
            failure.message if failure else "It ended without a reason.",
            hint=failure.hint if failure else "",
            code=failure.code if failure else "",
        )
    manifest = ended.published.manifest
    if json:
        show.as_json(asdict(manifest))
        return 0
    columns = ("variant", "state", "size", "of float32", "SNR dB", "drop", "file or reason")
    show.table(str(ended.published.directory), columns, map(_row, manifest.variants))
    found, _ = records.read_report(ended.published.directory)
    show_candidates(found)
    return 0


def _row(entry: object) -> tuple[str, ...]:
    from tflited.domain.manifest import ManifestVariant

    if not isinstance(entry, ManifestVariant):
        raise TypeError(entry)
    return (
        f"{entry.variant} ({entry.chosen})" if entry.chosen else entry.variant,
        entry.state,
        wording.size(entry.size_bytes) if entry.size_bytes else "",
        f"{entry.size_ratio:.2f}" if entry.size_ratio is not None else "",
        f"{entry.min_snr_db:.1f}" if entry.min_snr_db is not None else "",
        f"{entry.accuracy_drop:.4f}" if entry.accuracy_drop is not None else "",
        entry.tflite or entry.reason,
    )


def _quiet(_: Stage, __: str) -> None:
    """Tells nothing: standard error stays empty for scripts."""
