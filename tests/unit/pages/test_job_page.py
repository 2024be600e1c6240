"""The page of one job: its state, why it failed, and the downloads of what it published."""

from dataclasses import replace

from fakes.samples import FAILURE, MODEL, a_file, a_job, a_manifest
from tflited.domain.job import JobState
from tflited.domain.manifest import Manifest
from tflited.domain.model import ModelId
from tflited.pages.job_page import JobView, page

HOSTILE = "<b>&\"'é"


def published(job_id: int, place: str = HOSTILE) -> Manifest:
    """The manifest of a set that such a job published."""
    files = (a_file("int8/net.tflite", b"x" * 2048), a_file("report.json", b"{}"))
    manifest = a_manifest(a_job(job_id))
    return replace(manifest, files=files, root="zoo", path=place)


def test_a_published_job_offers_its_files() -> None:
    """Each by its place in the output tree, and all as one archive; names stay text."""
    job = a_job(7, state=JobState.PUBLISHED)
    text = page(JobView(job=job, manifest=published(7)))

    place = "zoo%2F%3Cb%3E%26%22%27%C3%A9"
    assert f"/download?path={place}&amp;file=int8%2Fnet.tflite" in text
    assert f"/download/all?path={place}" in text
    assert f"/download?path={place}&amp;file=report.html" in text
    assert "2.0 KiB" in text
    assert "data-live" not in text


def test_a_set_of_another_job_is_not_passed_off_as_this_ones() -> None:
    """The page leads to the job that published what is there now."""
    text = page(JobView(job=a_job(7, state=JobState.UNCHANGED), manifest=published(9)))
    assert 'href="/jobs/9"' in text
    assert "/download" not in text


def test_a_job_under_way_is_followed() -> None:
    """It says what it waits for, and offers no download of an older set."""
    job = a_job(7, state=JobState.QUEUED, waits_for="its files to settle")
    text = page(JobView(job=job, manifest=published(3)))
    assert "waits for its files to settle" in text
    assert "data-live" in text
    assert "/download" not in text


def test_a_failed_job_says_why_and_what_to_do() -> None:
    """With the code, the message and the next step; a hostile name is text."""
    model = ModelId(root=MODEL.root, path=HOSTILE)
    job = a_job(7, state=JobState.FAILED, failure=FAILURE, model=model)
    text = page(JobView(job=job, asked={"version": 1, "model": {"path": HOSTILE}}))
    assert FAILURE.message in text
    assert f"</strong>{FAILURE.hint}" in text
    assert HOSTILE not in text
    assert "&lt;b&gt;&amp;" in text
