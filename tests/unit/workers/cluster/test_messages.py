"""What crosses Dask: everything that is no message becomes a WireError and nothing else."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.samples import a_report
from tflited.domain.attempt import AttemptRequest, AttemptResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import Stage
from tflited.errors import StorageFailedError, WorkerError
from tflited.workers.cluster import messages
from tflited.workers.cluster.messages import (
    MAX_NOISE_CHARACTERS,
    Answer,
    Description,
    Order,
    Told,
    decode_answer,
    decode_description,
    decode_order,
    decode_told,
)
from tflited.workers.wire import FailureMessage, WireError

TOKEN = "t" * 43
ORDER = Order(
    token=TOKEN,
    topic="tflited-0123456789",
    request=AttemptRequest(
        attempt="7.2",
        kind=ModelKind.SAVED_MODEL,
        model="/scratch/7.2/input/net\udcff",
        stem="net",
        scratch="/scratch/7.2/work",
        policy=Policy(variants=(Variant.INT8,)),
        calibration=("/data/a.npz",),
        given_up={Variant.FLOAT16: "it crashed"},
    ),
    wall_seconds=900.0,
    offer="{}",
)
ANSWER = Answer(token=TOKEN, result=AttemptResult.OK, report=a_report(), peak_rss_bytes=5)
REFUSED = Answer(
    token=TOKEN,
    result=AttemptResult.ERROR,
    failure=FailureMessage(code="torn", message="It is torn.", hint="", is_retryable=False),
)


def with_fields(answer: Answer, **fields: Any) -> bytes:
    """An answer's JSON with some fields replaced by what no constructor lets through."""
    return json.dumps(json.loads(answer.encode()) | fields).encode()


def test_an_order_comes_as_it_was_sent() -> None:
    """Names that are no UTF-8 among its paths."""
    assert decode_order(ORDER.encode()) == ORDER


def test_attempts_have_keys_of_their_own() -> None:
    """The same attempt after a restart of the daemon is another task."""
    assert ORDER.key != replace(ORDER, token="u" * 43).key


def test_an_answer_becomes_an_outcome() -> None:
    """With its report, and the stage's times under their names."""
    answer = replace(
        ANSWER, stage_seconds={Stage.LOAD: 0.5}, noise="x" * (MAX_NOISE_CHARACTERS + 9)
    )
    outcome = decode_answer(answer.encode(), TOKEN)
    assert (outcome.result, outcome.report) == (AttemptResult.OK, a_report())
    assert outcome.stage_seconds == {"load": 0.5}
    assert outcome.noise == "x" * MAX_NOISE_CHARACTERS
    assert outcome.peak_rss_bytes == 5


def test_a_failure_keeps_its_code_and_loses_its_control_characters() -> None:
    """It stands in logs and pages."""
    failure = FailureMessage(code="torn", message="\x1b[2J torn", hint="", is_retryable=False)
    outcome = decode_answer(replace(REFUSED, failure=failure).encode(), TOKEN)
    assert outcome.failure is not None
    assert outcome.failure.code == "torn"
    assert "\x1b" not in outcome.failure.message


def test_no_worker_stops_the_daemon() -> None:
    """The codes on which the daemon acts are its own; a worker's disk is the worker's trouble."""
    failure = FailureMessage(
        code=StorageFailedError.code, message="EIO", hint="", is_retryable=False
    )
    outcome = decode_answer(replace(REFUSED, failure=failure).encode(), TOKEN)
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.is_retryable) == (WorkerError.code, True)


@pytest.mark.parametrize(
    "content",
    [
        with_fields(ANSWER, token="u" * 43),
        with_fields(ANSWER, report=None),
        with_fields(ANSWER, failure=json.loads(REFUSED.encode())["failure"]),
        with_fields(REFUSED, failure=None),
        with_fields(REFUSED, result="engine_lost"),
        with_fields(ANSWER, result="published"),
        with_fields(ANSWER, stage_seconds={"load": -1.0}),
        with_fields(ANSWER, stage_seconds={"load": "long"}),
        with_fields(ANSWER, stage_seconds={"idle": 1.0}),
        with_fields(ANSWER, peak_rss_bytes=-1),
        with_fields(ANSWER, noise=7),
        with_fields(ANSWER, extra=1),
        ANSWER.encode().replace(b"5", b"NaN", 1),
        b"[]",
        b"",
        "text",
        None,
        ANSWER,
    ],
)
def test_what_is_no_answer_is_refused(content: object) -> None:
    """Of another attempt, in contradiction with itself, of another shape, or not even bytes."""
    with pytest.raises(WireError):
        decode_answer(content, TOKEN)


@pytest.mark.parametrize(
    ("decode", "limit"),
    [
        (decode_order, "MAX_ORDER_BYTES"),
        (lambda content: decode_answer(content, TOKEN), "MAX_ANSWER_BYTES"),
        (decode_told, "MAX_TOLD_BYTES"),
        (decode_description, "MAX_DESCRIPTION_BYTES"),
    ],
)
def test_what_is_too_long_is_not_even_parsed(
    decode: Any, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The length is compared first; the message says both."""
    monkeypatch.setattr(messages, limit, 10)
    with pytest.raises(WireError, match="11 bytes, allowed 10"):
        decode(b"{" * 11)


@given(content=st.binary(max_size=200) | st.text(max_size=200) | st.none() | st.integers())
def test_whatever_comes_is_a_message_or_an_error(content: object) -> None:
    """Nothing that anybody sends raises anything else."""
    for decode in (decode_order, decode_told, decode_description):
        with pytest.raises(WireError):
            decode(content)
    with pytest.raises(WireError):
        decode_answer(content, TOKEN)


def test_a_deep_order_is_refused() -> None:
    """Python's own parser has a limit, and it is told as any other fault."""
    with pytest.raises(WireError):
        decode_order(b"[" * 100_000)


def test_signs_of_life_and_descriptions_come_as_they_were_sent() -> None:
    """Both ways of one form."""
    told = Told(token=TOKEN, run="r" * 16, worker="one", stage=Stage.PROVE, detail="int8")
    described = Description(
        protocol=1, name="one", versions={"numpy": "2"}, slots=2, memory_bytes=9
    )
    assert decode_told(told.encode()) == told
    assert decode_description(described.encode()) == described
