"""A record as a person reads it."""

from fakes.samples import MODEL, NOON
from tflited.domain.attempt import AttemptResult, ChildRecord, ChildTask
from tflited.domain.attempt_record import AttemptRecord, as_text
from tflited.domain.job import Failure
from tflited.domain.model import ModelId
from tflited.domain.policy import Variant

ABORT = Failure(code="native_abort", message="The child ended by SIGABRT.", hint="export it again")


def a_record(**changes: object) -> AttemptRecord:
    facts: dict[str, object] = {
        "job_id": 7,
        "attempt": 2,
        "model": MODEL,
        "policy": "mobile",
        "ended_at": NOON,
        "seconds": 12.34,
    }
    return AttemptRecord(**{**facts, **changes})  # type: ignore[arg-type]  # as the fields are


def a_child(said: str, **changes: object) -> ChildRecord:
    facts: dict[str, object] = {
        "task": ChildTask.CONVERT,
        "result": AttemptResult.OK,
        "seconds": 1.0,
        "said": said,
    }
    return ChildRecord(**{**facts, **changes})  # type: ignore[arg-type]  # as the fields are


def test_each_child_has_a_head_and_its_words() -> None:
    """When, how it ended and what is next; then child by child, with what one left out."""
    children = (
        a_child("F0000 Check failed\n", result=AttemptResult.CRASH, failure=ABORT),
        a_child("", given_up=(Variant.INT8,)),
        a_child("one\ntwo\n", task=ChildTask.PROVE),
    )
    assert as_text(a_record(children=children, failure=ABORT)) == (
        "job 7, attempt 2: models/vision/mobilenet under policy mobile\n"
        "ended 2026-01-02T12:00:00Z after 12.3 s: native_abort: The child ended by SIGABRT.\n"
        "next: export it again\n"
        "\n"
        "== child 1: convert, 1.0 s: native_abort: The child ended by SIGABRT.\n"
        "F0000 Check failed\n"
        "\n"
        "== child 2: convert without int8, 1.0 s: ok\n"
        "(it said nothing)\n"
        "\n"
        "== child 3: prove, 1.0 s: ok\n"
        "one\n"
        "two\n"
    )


def test_an_attempt_that_published_says_so() -> None:
    """Without a failure there is a set."""
    assert as_text(a_record()).splitlines()[1].endswith("after 12.3 s: published")


def test_names_and_words_command_no_terminal() -> None:
    """Neither a model's name, nor a message, nor what a child said forges a line or a colour."""
    failure = Failure(code="crash", message="It said:\nforged", hint="a\x1bb")
    text = as_text(
        a_record(
            model=ModelId(root="zoo", path="net\nforged\x1b[2J"),
            failure=failure,
            children=(a_child("a\x1b[2J\tb\x85c\u202e"),),
        )
    )
    assert not [line for line in text.splitlines() if line.startswith("forged")]
    assert "\x1b" not in text
    assert r"a\x1b[2J" + "\tb" in text
    assert "\u202e" not in text
