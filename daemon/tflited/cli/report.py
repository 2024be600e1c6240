"""``tflited report``: the figures of a published set as a table, and as a page with pictures."""

import json as json_module
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tflited import durable
from tflited.cli import show
from tflited.cli.options import AsJson, Config, Directory, asked_path, settings
from tflited.domain.manifest import MANIFEST_NAME, REPORT_NAME, Manifest, ManifestVariant
from tflited.domain.model import ModelId
from tflited.domain.report import ReportDocument
from tflited.domain.sandbox import SandboxLevel
from tflited.engine.locate import places
from tflited.errors import OutputError, TflitedError, UsageError
from tflited.output import records
from tflited.output.layout import is_set
from tflited.output.tree import OutputTree
from tflited.pages import candidates, wording
from tflited.pages.report_page import page
from tflited.pages.summary import COLUMNS, CONTENT_COLUMNS, REASON_COLUMNS, summaries
from tflited.settings.model import Settings

_LONGEST_NAME: Final = 100
_LATENCY_COLUMNS: Final = ("variant", "median", "nine of ten within", "runs", "threads")


def report(
    path: Annotated[
        str, typer.Argument(help="A model as why takes it, a published set, or a report.json.")
    ],
    html: Annotated[
        Path | None,
        typer.Option("--html", help="The page to write; NAME.report.html here by default."),
    ] = None,
    no_html: Annotated[bool, typer.Option("--no-html", help="Write no page.")] = False,
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """Show what a build found out, and write it as a page with pictures."""
    if html is not None and no_html:
        raise UsageError("--html and --no-html exclude each other.", hint="leave one out")
    loaded = settings(config, directory)
    folder = _folder(path, loaded)
    document, manifest = records.read_report(folder)
    if json:
        show.as_json(_plain(document, manifest))
    else:
        _print(document, manifest, folder)
    if html is not None or not (no_html or json):
        written = _write(document, html or Path(_file_name(document)), loaded.output)
        if not json:
            print(show.printable(f"page: {written}"))
    return 0


def _folder(text: str, loaded: Settings) -> Path:
    """The set that is meant: named itself, by its report, or by its model.

    Raises:
        OutputError: no set of the model is published.
        UsageError: several are, and none in the model's own place.
    """
    named = Path(text)
    if named.name in {REPORT_NAME, MANIFEST_NAME} and named.exists():
        return named.parent
    if _is_set(named):
        return named
    tree = OutputTree(loaded.output)
    models = list(_models(asked_path(text, loaded), loaded))
    for model in models:
        folder = _own_place(tree, model)
        if folder is not None:
            return folder
    return _elsewhere(tree, models, text)


def _is_set(folder: Path) -> bool:
    try:
        return is_set(folder)
    except OSError:  # a name that no file system takes
        return False


def _models(text: str, loaded: Settings) -> Iterator[ModelId]:
    """Every model that the path may mean or lie in, the likeliest first."""
    for place in places(text, loaded.all_roots):
        inside = Path(place.path)
        for candidate in (inside, *inside.parents):
            if candidate.name:
                yield ModelId(root=place.root.name, path=str(candidate))


def _own_place(tree: OutputTree, model: ModelId) -> Path | None:
    try:
        folder = tree.directory(model)
    except OutputError:  # no such name can have a set
        return None
    return folder if _is_set(folder) else None


def _elsewhere(tree: OutputTree, models: list[ModelId], text: str) -> Path:
    """The set that a trigger's ``save_to`` put elsewhere."""
    found = [entry for entry in tree.manifests() if entry.save_to and entry.model in models]
    folders = [tree.directory(entry.model, entry.save_to) for entry in found]
    if len(folders) == 1:
        return folders[0]
    if folders:
        listed = ", ".join(map(str, folders))
        raise UsageError(f"{text} has {len(folders)} sets: {listed}.", hint="name one of them")
    raise OutputError(
        f"No set of {text} is published in the output tree.",
        hint=f"tflited why {text} says what the model waits for, or why it failed",
    )


def _print(document: ReportDocument, manifest: Manifest | None, folder: Path) -> None:
    lines = summaries(document)
    print(show.printable(f"{document.root}/{document.path}: {folder}"))
    show.table("Variants", COLUMNS, (line.cells for line in lines))
    show.table("Contents", CONTENT_COLUMNS, (line.content_cells for line in lines))
    profiled = [line for line in manifest.variants if line.latency_runs] if manifest else []
    if profiled:
        rows = [_latency_cells(line) for line in profiled]
        show.table("One invocation in LiteRT on the converting host", _LATENCY_COLUMNS, rows)
    show_candidates(document)
    reasons = [line.reason_cells for line in lines if line.entry.reason or line.entry.hint]
    if reasons:
        show.table("Not proven", REASON_COLUMNS, reasons)
    for note in document.source.notes:
        print(show.printable(f"note: {note}"))
    if manifest is not None and manifest.sandbox is SandboxLevel.OFF:
        print("note: its code ran outside the sandbox, which was switched off for its root.")


def show_candidates(document: ReportDocument) -> None:
    """The table of ``auto``; nothing where it was not asked for."""
    auto = document.auto
    if auto is None:
        return
    rows = (candidates.cells(row, auto) for row in auto.rows)
    show.table("Candidates of auto", candidates.COLUMNS, rows)
    for line in (candidates.sentence(auto), *auto.notes):
        print(show.printable(line))


def _latency_cells(line: ManifestVariant) -> tuple[str, ...]:
    return (
        line.variant,
        f"{wording.number(line.latency_ms)} ms",
        f"{wording.number(line.latency_p90_ms)} ms",
        str(line.latency_runs),
        str(line.latency_threads),
    )


def _plain(document: ReportDocument, manifest: Manifest | None) -> dict[str, Any]:
    return {
        "report": json_module.loads(records.REPORT.dump_json(document)),
        "manifest": manifest and json_module.loads(records.MANIFEST.dump_json(manifest)),
    }


def _file_name(document: ReportDocument) -> str:
    """A file name from the model's, whatever that holds."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(document.path).name).strip("._-")
    return f"{stem[:_LONGEST_NAME] or 'model'}.report.html"


def _write(document: ReportDocument, target: Path, output: Path) -> Path:
    """Writes the page.

    Raises:
        UsageError: the place lies in the output tree, which holds sets and nothing else.
        TflitedError: it cannot be written.
    """
    place = target.parent.resolve() / target.name
    if place.is_relative_to(output.resolve()):
        raise UsageError(
            f"{place} lies in the output tree {output}, which holds published sets only.",
            hint="name a file elsewhere with --html, or give --no-html",
        )
    try:
        durable.write(place, page(document).encode())
    except OSError as error:
        raise TflitedError(
            f"{place} cannot be written: {error.strerror}.",
            hint="name another file with --html, or give --no-html",
        ) from error
    return place
