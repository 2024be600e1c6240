"""The page that people keep open."""

from dataclasses import replace

from fakes.control import NOW, FakeControl, make_job
from tflited.domain.board import ModelList, ModelQuery
from tflited.domain.job import Failure, JobState
from tflited.domain.report import Stage
from tflited.domain.status import HealthCheck, Phase
from tflited.pages.overview_page import Overview, page
from tflited.pages.progress import Step

NOBODY = ModelList(models=(), total=0)
FAILURE = Failure(code="worker", message="It <died>.", hint="look")


def view(**changes: object) -> Overview:
    """What the double of the engine shows, with nothing beside its one attempt."""
    plain = Overview(
        now=NOW,
        board=FakeControl().board(),
        waiting=NOBODY,
        trouble=NOBODY,
        queued=(),
        recent=(),
        steps={},
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # each test knows its fields


def one(phase: Phase, reason: str, hint: str = "", total: int = 1) -> ModelList:
    """The double's model in a phase."""
    (model,) = FakeControl().models(ModelQuery()).models
    return ModelList(models=(replace(model, phase=phase, reason=reason, hint=hint),), total=total)


def test_it_shows_what_runs() -> None:
    """Model, job and stage of every attempt, and since when."""
    step = Step(stage=Stage.QUANTISE, detail="int8", since=NOW, until=None)
    text = page(view(steps={2: (step,)}))
    assert "/jobs/2" in text
    assert "quantise int8" in text
    assert "data-since" in text


def test_what_waits_says_why() -> None:
    """A model that settles, a job in the queue, one that failed before."""
    queued = replace(make_job(7, JobState.QUEUED), waits_for="the data to settle")
    again = replace(make_job(8, JobState.QUEUED), failure=FAILURE, not_before=NOW)
    text = page(view(waiting=one(Phase.SETTLING, "it grows"), queued=(again, queued)))
    for words in ("it grows", "the data to settle", "tried again later", "It &lt;died&gt;."):
        assert words in text
    assert text.index("/jobs/7") < text.index("/jobs/8")


def test_what_needs_somebody_says_what_to_do() -> None:
    """The reason, the next step, and how many more there are."""
    text = page(view(trouble=one(Phase.REFUSED, "it is <torn>", "copy it again", total=12)))
    assert "it is &lt;torn&gt;" in text
    assert "copy it again" in text
    assert "11 more" in text
    assert "Needs a look" not in page(view())


def test_what_ended_says_how() -> None:
    """How long it took, or why it failed."""
    failed = replace(make_job(3), failure=FAILURE)
    done = replace(make_job(4, JobState.PUBLISHED), started_at=NOW, finished_at=NOW)
    text = page(view(recent=(done, failed)))
    assert "0.0 s" in text
    assert "It &lt;died&gt;." in text


def test_an_idle_daemon_says_what_to_do() -> None:
    """Instead of an empty table."""
    board = replace(FakeControl().board(), running=())
    text = page(view(board=board))
    assert "Drop a model into" in text
    assert "/srv/zoo" in text


def test_the_head_says_whether_it_works() -> None:
    """Ready, not ready, or about to stop."""
    board = FakeControl().board()
    down = replace(board, checks=(HealthCheck(name="output", is_ok=False, reason="it is full"),))
    assert "not ready" in page(view(board=down))
    assert "it is full" in page(view(board=down))
    assert "stopping" in page(view(board=replace(board, is_draining=True)))
