"""Links to the files of a published set, variant by variant, and to all of it as one archive."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from tflited.domain.manifest import MANIFEST_NAME, REPORT_NAME, Manifest
from tflited.domain.report import ArtifactFile
from tflited.pages import links, wording
from tflited.pages.elements import element, table

REPORT_PAGE: Final = "report.html"
"""The report for people, made when it is asked for."""


def of_job(manifest: Manifest, job_id: int) -> ET.Element:
    """The downloads of a set, or the way to the job that published it where that is another."""
    if manifest.job == job_id:
        return section(manifest)
    other = element("a", f"job {manifest.job}", href=links.job(manifest.job))
    return element("p", "The set in this place was published by ", other, ".")


def section(manifest: Manifest) -> ET.Element:
    """Everything of one set that can be had.

    Args:
        manifest: of the set as it is published now.
    """
    place = manifest.save_to or str(manifest.model)
    rows = [
        (_link(place, file.path, file.path), _kind(file), wording.size(file.size_bytes))
        for file in manifest.files
        if file.path != REPORT_NAME
    ]
    return element(
        "section",
        element("h2", "Downloads", id="downloads"),
        element(
            "p",
            element("a", "Everything as one archive", href=links.download_all(place)),
            ", or the ",
            _link(place, REPORT_PAGE, "report", has_name=False),
            " for people, the ",
            _link(place, REPORT_NAME, "report"),
            " and the ",
            _link(place, MANIFEST_NAME, "manifest"),
            " for programs.",
        ),
        table("Published files", ("file", "what", "size"), rows),
    )


def _link(place: str, path: str, words: str, *, has_name: bool = True) -> ET.Element:
    """A link to a file; a browser saves those with a name."""
    saved: Mapping[str, str] = {"download": ""} if has_name else {}
    return element("a", words, href=links.download(place, path), **saved)


def _kind(file: ArtifactFile) -> str:
    return {
        ".tflite": "LiteRT model",
        ".c": "C source",
        ".cc": "C++ source",
        ".cpp": "C++ source",
        ".h": "header",
        ".S": "assembler",
    }.get(PurePosixPath(file.path).suffix, "file")
