"""Links to a published set: by its place in the output tree, names as texts."""

import xml.etree.ElementTree as ET
from dataclasses import replace

from fakes.samples import a_file, a_job, a_manifest
from tflited.domain.manifest import Manifest
from tflited.pages.downloads import of_job, section
from tflited.pages.elements import rendered

HOSTILE = "<b>&\"'é"
PLACE = "zoo/%3Cb%3E%26%22%27%C3%A9"


def published(save_to: str | None = None) -> Manifest:
    """The manifest of a set that job 7 published."""
    files = (a_file("int8/net.tflite", b"x" * 2048), a_file("report.json", b"{}"))
    changes = {"files": files, "root": "zoo", "path": HOSTILE, "save_to": save_to}
    return replace(a_manifest(a_job(7)), **changes)  # type: ignore[arg-type]  # told by name


def addresses(tree: ET.Element) -> list[str]:
    """Where its links lead."""
    return [link.attrib["href"] for link in tree.iter("a")]


def test_every_file_and_all_of_them_can_be_had() -> None:
    """The records and the report for people, too."""
    tree = section(published())
    assert addresses(tree) == [
        f"/download/all?path={PLACE}",
        *(
            f"/download?path={PLACE}&file={name}"
            for name in ("report.html", "report.json", "manifest.json", "int8/net.tflite")
        ),
    ]
    assert "2.0 KiB" in rendered(tree)


def test_a_saved_set_is_named_by_its_place() -> None:
    """Not by its model, whose own set lies elsewhere."""
    assert all("?path=a/b" in link for link in addresses(section(published("a/b"))))


def test_a_set_of_another_job_is_not_passed_off_as_this_ones() -> None:
    """The page leads to the job that published what is there now."""
    assert addresses(of_job(published(), 6)) == ["/jobs/7"]
    assert len(addresses(of_job(published(), 7))) > 1
