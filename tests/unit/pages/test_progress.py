"""How far an attempt is, from its events."""

from datetime import UTC, datetime, timedelta

from fakes.control import MODEL
from tflited.domain.events import EventKind, JobEvent
from tflited.domain.job import JobState
from tflited.domain.report import Stage
from tflited.pages import progress
from tflited.pages.elements import rendered

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def told(number: int, stage: Stage | None, detail: str = "", attempt: int = 1) -> JobEvent:
    """An event, so many seconds after noon; of the state where no stage is given."""
    return JobEvent(
        id=number,
        kind=EventKind.STATE if stage is None else EventKind.STAGE,
        at=NOON + timedelta(seconds=number),
        job_id=1,
        model=MODEL,
        state=JobState.RUNNING,
        attempt=attempt,
        stage=stage,
        detail=detail,
    )


EVENTS = [
    told(1, None),
    told(2, Stage.LOAD),
    told(5, Stage.QUANTISE, "int8"),
]


def test_a_step_ends_where_the_next_begins() -> None:
    """The last one goes on."""
    first, second = progress.steps(EVENTS)
    assert (first.stage, second.detail) == (Stage.LOAD, "int8")
    assert (first.until, second.until) == (second.since, None)


def test_the_end_of_the_job_ends_the_last_step() -> None:
    """A change of its state comes after its last stage."""
    assert progress.steps([*EVENTS, told(9, None)])[-1].until == NOON + timedelta(seconds=9)


def test_only_the_newest_attempt_is_told() -> None:
    """An attempt that died is no part of the one that runs."""
    (step,) = progress.steps([*EVENTS, told(10, Stage.START, attempt=2)])
    assert step.stage is Stage.START
    assert progress.steps([]) == ()


def test_the_strip_tells_what_is_over_and_what_is_now() -> None:
    """A segment for every stage there is; files are carried in a cluster only."""
    strip = rendered(progress.strip(progress.steps(EVENTS)))
    assert strip.count("<i ") == len(Stage) - 1
    carried = progress.steps([told(1, Stage.CARRY)])
    assert rendered(progress.strip(carried)).count("<i ") == len(Stage)
    assert (strip.count('"over"'), strip.count('"now"')) == (1, 1)
    assert progress.label(progress.steps(EVENTS)) == "quantise int8"
    assert progress.label(()) == "starting"


def test_the_story_has_a_time_for_every_step() -> None:
    """The present one counts on."""
    text = rendered(progress.story(progress.steps(EVENTS), NOON + timedelta(seconds=7)))
    assert "3.0 s" in text
    assert "data-since" in text


def test_the_sums_of_a_manifest_stand_in_the_order_of_the_build() -> None:
    """Whatever order they were written in; a stage that is unknown is left out."""
    text = rendered(progress.sums({"publish": 1.0, "load": 2.0, "later": 9.0}))
    assert text.index("load") < text.index("publish")
    assert "later" not in text


def test_every_stage_has_a_name() -> None:
    """A new one cannot be forgotten."""
    assert set(progress.NAMES) == set(Stage)


def test_a_bar_stays_in_its_bounds() -> None:
    """Whatever a report claims."""
    assert 'width="100.0"' in rendered(progress.bar(7.0, "done", mark=9.0))
    assert 'width="0.0"' in rendered(progress.bar(-1.0, "done"))
