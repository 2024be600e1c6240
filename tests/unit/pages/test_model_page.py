"""The page of one model, its table of variants, and two models beside each other."""

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from fakes.control import KEY, NOW, make_job
from fakes.documents import a_document
from fakes.samples import MODEL, a_job, a_manifest
from tflited.domain.board import ModelView, PastBuild
from tflited.domain.job import Failure, JobState
from tflited.domain.manifest import Build, ManifestVariant
from tflited.domain.model import ModelId, ModelKind
from tflited.domain.publication import PublishedRecords
from tflited.domain.report import Stage, VariantState
from tflited.domain.status import ModelStatus, Phase
from tflited.pages import compare_page
from tflited.pages.compare_page import Side
from tflited.pages.elements import rendered
from tflited.pages.model_page import page
from tflited.pages.progress import Step
from tflited.pages.variants import variants

RECORDS = PublishedRecords(report=a_document(), manifest=None)
STATUS = ModelStatus(
    model=MODEL, kind=ModelKind.KERAS, phase=Phase.PUBLISHED, reason="by job 1", since=NOW
)


class _Tags(HTMLParser):
    """The tags of a page, as a browser reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps it."""
        self.seen.add(tag)


def a_build(number: int, size_bytes: int) -> PastBuild:
    """One of several publications."""
    entry = ManifestVariant(variant="int8", state=VariantState.PROVEN, size_bytes=size_bytes)
    build = Build(
        id=number,
        job_id=number,
        model=MODEL,
        build_key=KEY,
        input_key=KEY,
        published_at=NOW,
        toolchain={},
        variants=(entry,),
    )
    return PastBuild(build=build, job=None)


def a_view(**changes: Any) -> ModelView:
    """A published model with two builds."""
    view = ModelView(
        model=MODEL,
        save_to=None,
        status=STATUS,
        job=None,
        builds=(a_build(2, 900), a_build(1, 1000)),
        records=RECORDS,
    )
    return replace(view, **changes)


def test_a_published_model_shows_what_it_has() -> None:
    """State, every variant with its reason, the pictures, the builds and what changed."""
    text = page(a_view(), (), NOW)
    for words in ("published", "weight_only_int4", "choose a milder one", "Size and closeness"):
        assert words in text
    assert "1000 B" in text
    assert "900 B (-10.0 %)" in text
    assert "the oldest that is told" in text


def test_a_job_under_way_is_followed() -> None:
    """Its stage, and since when."""
    step = Step(stage=Stage.PROVE, detail="int8", since=NOW, until=None)
    text = page(a_view(job=make_job(9, JobState.RUNNING)), (step,), NOW)
    assert "/jobs/9" in text
    assert "prove int8" in text


def test_a_failed_job_says_why_and_what_to_do() -> None:
    """On the model's own page, beside the set that stays."""
    failure = Failure(code="proof", message="It is <wrong>.", hint="train it")
    text = page(a_view(job=replace(make_job(9), failure=failure)), (), NOW)
    assert "It is &lt;wrong&gt;." in text
    assert "train it" in text


@pytest.mark.parametrize("state", [JobState.PUBLISHED, JobState.SUPERSEDED, JobState.CANCELLED])
def test_a_job_that_is_over_is_no_news(state: JobState) -> None:
    """It stands among the builds, if it made one."""
    assert "/jobs/9" not in page(a_view(job=make_job(9, state)), (), NOW)


def test_a_model_that_is_gone_still_has_its_builds() -> None:
    """Nothing is published any more, and the page says so."""
    text = page(a_view(status=None, records=None), (), NOW)
    assert "not in its root" in text
    assert "no longer in the output tree" in text
    assert "Nothing is published for it yet" in page(a_view(records=None, builds=()), (), NOW)


def test_a_hostile_name_stays_text() -> None:
    """In the title, the heading, the form and every address."""
    model = ModelId(root="zoo", path='"><img src=x>')
    status = replace(STATUS, model=model, reason="<img src=y>")
    text = page(a_view(model=model, status=status), (), NOW)
    tags = _Tags()
    tags.feed(text)
    assert "form" in tags.seen
    assert "img" not in tags.seen


def test_variants_are_held_against_float32_and_the_budget() -> None:
    """Bars with words beside them; what has no file has no bar."""
    text = rendered(variants(RECORDS))
    assert "300 B, 30.0 % of float32" in text
    assert "top1 drop 0.0075 (0.001 to 0.0095), budget 0.01 or less" in text
    assert "every check passed" in text


def test_latency_comes_from_the_manifest() -> None:
    """The report, equal for equal keys, has none."""
    entry = ManifestVariant(
        variant="int8", state=VariantState.PROVEN, latency_ms=1.5, latency_p90_ms=2.0
    )
    manifest = a_manifest_with(entry)
    text = rendered(variants(replace(RECORDS, manifest=manifest)))
    assert "1.5 ms" in text
    assert "9 of 10 in 2 ms" in text


def a_manifest_with(entry: ManifestVariant) -> Any:
    """A manifest with one line."""
    return replace(a_manifest(a_job()), variants=(entry,))


def test_two_models_stand_beside_each_other() -> None:
    """Variant by variant, with what the other has more or less."""
    report = a_document()
    smaller = replace(
        report,
        variants=tuple(
            replace(
                entry, files=tuple(replace(f, size_bytes=f.size_bytes // 2) for f in entry.files)
            )
            for entry in report.variants[:2]
        ),
    )
    one = Side(asked="a", view=a_view())
    other = Side(asked="b", view=a_view(records=replace(RECORDS, report=smaller)))
    text = compare_page.page(one, other, ("models/x",))
    assert "size -50.0 %" in text
    assert "not asked for" in text
    assert 'value="models/x"' in text


def test_what_cannot_be_compared_says_why() -> None:
    """A name that nobody knows, and a model without a set; nothing before both are named."""
    unknown, bare = Side(asked="<b>", view=None), Side(asked="b", view=a_view(records=None))
    text = compare_page.page(unknown, bare, ())
    assert "&lt;b&gt;: there is no such model." in text
    assert "b has no published set." in text
    empty = compare_page.page(Side(asked="", view=None), Side(asked="", view=None), ())
    assert "no such model" not in empty
