"""The children of one attempt: what is noted of each, and which variant ended one."""

from dataclasses import replace
from threading import Event

import pytest

from fakes.engine import FixedClock, ScriptedExecutor, World, an_end
from tflited.domain.attempt import (
    AttemptLimits,
    AttemptOutcome,
    AttemptRequest,
    AttemptResult,
    ChildTask,
)
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import Stage
from tflited.engine.children import Children


@pytest.fixture
def executor() -> ScriptedExecutor:
    return ScriptedExecutor()


@pytest.fixture
def children(executor: ScriptedExecutor) -> Children:
    return Children(
        executor=executor,
        clock=FixedClock(),
        limits=AttemptLimits(),
        progress=lambda *_: None,
        cancel=Event(),
    )


def a_request(**changes: object) -> AttemptRequest:
    facts: dict[str, object] = {
        "attempt": "7.1",
        "kind": ModelKind.KERAS,
        "model": "/m",
        "stem": "m",
        "scratch": "/s",
        "policy": Policy(),
    }
    return AttemptRequest(**{**facts, **changes})  # type: ignore[arg-type]  # as the fields are


def test_each_child_leaves_a_record(executor: ScriptedExecutor, children: Children) -> None:
    """Its task, its end, and what it said."""
    executor.script = [AttemptOutcome(result=AttemptResult.CRASH, noise="abort")]
    executor.second = AttemptOutcome(result=AttemptResult.OK, noise="proof")
    children.run(a_request(given_up={Variant.INT8: "it crashed"}))
    children.run(a_request(evidence="/s"))

    convert, prove = children.records
    assert (convert.task, convert.result, convert.said) == (
        ChildTask.CONVERT,
        AttemptResult.CRASH,
        "abort",
    )
    assert convert.given_up == (Variant.INT8,)
    assert (prove.task, prove.said) == (ChildTask.PROVE, "proof")


@pytest.mark.parametrize(
    ("told", "result", "code", "culprit"),
    [
        ((Stage.QUANTISE, "int8"), AttemptResult.CRASH, "crash", Variant.INT8),
        ((Stage.PROVE, "int8 on 3 samples"), AttemptResult.TIMEOUT, "time_limit", Variant.INT8),
        ((Stage.QUANTISE, "int8"), AttemptResult.ERROR, "unsupported_op", None),
        ((Stage.QUANTISE, "int8"), AttemptResult.CRASH, "out_of_memory", None),
        ((Stage.QUANTISE, "float32"), AttemptResult.CRASH, "crash", None),
        ((Stage.LOWER, "int8"), AttemptResult.CRASH, "crash", None),
        ((Stage.QUANTISE, "nonsense"), AttemptResult.CRASH, "crash", None),
    ],
)
def test_a_variant_is_to_blame_only_for_what_is_its_own(
    executor: ScriptedExecutor,
    children: Children,
    told: tuple[Stage, str],
    result: AttemptResult,
    code: str,
    culprit: Variant | None,
) -> None:
    """A death while it was made or proved; not want of memory, nor of what all of them need."""
    executor.told = told
    executor.script = [an_end(result, code=code)]
    assert children.culprit(children.run(a_request())) is culprit


def test_an_attempt_keeps_its_record_before_its_end_is_told(world: World) -> None:
    """Who hears that a job failed can read at once what its children said."""
    end = an_end(AttemptResult.ERROR)
    world.executor.script = [replace(end, noise="why")]
    world.build()
    (job,) = world.store.jobs()
    (record,) = world.records.of_job(job.id)
    assert (record.attempt, record.model, record.failure) == (1, job.model, job.failure)
    assert [child.said for child in record.children] == ["why"]
