"""The page of one report: everything that is in it, for people, in one file without a script."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Final

from tflited.domain.figures import TensorSpec
from tflited.domain.report import ReportDocument, VariantReport
from tflited.pages import candidates, error_bars, trade_offs, wording
from tflited.pages.elements import details, element, rendered, table
from tflited.pages.style import CSS, content_policy
from tflited.pages.summary import COLUMNS, CONTENT_COLUMNS, REASON_COLUMNS, Summary, summaries

_NO_NUMBERS: Final = "No variant was compared with the source; the reasons stand above."


def page(document: ReportDocument) -> str:
    """A whole HTML document; equal reports give equal text.

    Args:
        document: of a published set. Its texts come from a model and are never read as markup.
    """
    name = f"{document.root}/{document.path}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=content_policy()),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{name}: tflited report"),
        _style(),
    )
    main = element("main", *sections(document))
    tree = element("html", head, element("body", main), lang="en")
    return f"<!doctype html>\n{rendered(tree)}\n"


def sections(document: ReportDocument) -> tuple[ET.Element, ...]:
    """What the page shows; also fits into a page that has its own frame."""
    lines = summaries(document)
    return (
        *_title(document),
        *_overview(lines),
        *candidates.section(document),
        *_pictures(document, lines),
        *_source(document),
        *_records(document),
    )


def _style() -> ET.Element:
    # Not through ``element``, which takes line ends away: the hash in the policy is over this text.
    made = ET.Element("style")
    made.text = CSS
    return made


def _title(document: ReportDocument) -> tuple[ET.Element, ...]:
    source = document.source
    facts = (
        f"{document.kind}, opened as {source.loader}, signature {source.signature}; compared on "
        f"{source.reference_inputs} inputs. Build key {document.build_key[:12]}."
    )
    return (
        element("h1", f"{document.root}/{document.path}"),
        element("p", facts, class_="soft"),
    )


def _overview(lines: Sequence[Summary]) -> tuple[ET.Element, ...]:
    rows = [_with_state(line, line.cells) for line in lines]
    parts = [
        element("h2", "Variants"),
        table("What became of every variant asked for", COLUMNS, rows),
    ]
    reasons = [line for line in lines if line.entry.reason or line.entry.hint]
    if reasons:
        cells = [_with_state(line, line.reason_cells) for line in reasons]
        parts.append(table("What is not proven, and what to do", REASON_COLUMNS, cells))
    contents = [line.content_cells for line in lines]
    parts.append(table("What the files hold", CONTENT_COLUMNS, contents))
    return tuple(parts)


def _pictures(document: ReportDocument, lines: Sequence[Summary]) -> tuple[ET.Element, ...]:
    parts = [element("h2", "Size"), trade_offs.sizes(lines), element("h2", "Size and closeness")]
    closeness = trade_offs.closeness(document, lines)
    parts.append(element("p", _NO_NUMBERS) if closeness is None else closeness)
    for heading, figure in (
        ("Size and accuracy", trade_offs.accuracy(document, lines)),
        ("Error of every output", error_bars.outputs(document)),
    ):
        if figure is not None:
            parts += [element("h2", heading), figure]
    return (*parts, *_layers(document.variants))


def _layers(entries: Sequence[VariantReport]) -> tuple[ET.Element, ...]:
    parts: list[ET.Element] = []
    for number, entry in enumerate(entries):
        if not entry.layers and not entry.layers_note:
            continue
        parts.append(element("h2", f"Error of every operator: {entry.variant}"))
        has_layers = error_bars.has_layers(entry)
        parts.append(
            error_bars.layers(entry, number) if has_layers else element("p", entry.layers_note)
        )
    return tuple(parts)


def _source(document: ReportDocument) -> tuple[ET.Element, ...]:
    source = document.source
    lowering = source.lowering
    facts = [f"Lowered by {lowering.path}, {lowering.attempt}."]
    facts += [f"{text.removesuffix('.')}." for text in (lowering.reason, lowering.cost) if text]
    specs = [("input", entry) for entry in source.inputs]
    specs += [("output", entry) for entry in source.outputs]
    return (
        element("h2", "Source"),
        element("p", " ".join(facts)),
        *(element("p", note) for note in source.notes),
        table(
            "Inputs and outputs of the source",
            ("name", "side", "shape", "type"),
            [(entry.name, side, _shape(entry), entry.dtype) for side, entry in specs],
        ),
    )


def _records(document: ReportDocument) -> tuple[ET.Element, ...]:
    checks = [
        (entry.variant.value, check.name, check.result.value, check.observed, check.allowed)
        for entry in document.variants
        for check in entry.checks
    ]
    files = [
        (file.path, wording.size(file.size_bytes), file.sha256)
        for entry in document.variants
        for file in entry.files
    ]
    policy = [(name, str(value)) for name, value in sorted(document.policy.items())]
    tools = sorted(document.toolchain.items())
    return (
        element("h2", "Records"),
        details(
            "Every check",
            table("Checks", ("variant", "check", "result", "observed", "allowed"), checks),
        ),
        details("Files", table("Published files", ("path", "size", "SHA-256"), files)),
        details("Policy", table("What decided the bytes", ("key", "value"), policy)),
        details("Toolchain", table("Versions", ("distribution", "version"), tools)),
    )


def _with_state(line: Summary, cells: Sequence[str]) -> tuple[str | ET.Element, ...]:
    """A row whose second cell, the state, is set off."""
    state = element("span", cells[1], class_=f"state {line.entry.state}")
    return (cells[0], state, *cells[2:])


def _shape(entry: TensorSpec) -> str:
    return "[" + ", ".join("any" if size < 0 else str(size) for size in entry.shape) + "]"
