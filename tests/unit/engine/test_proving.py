"""The children of an attempt: the one that converts, the one that proves, and who is given up."""

from pathlib import Path
from threading import Event

import pytest
from structlog.testing import capture_logs

from fakes.engine import World, an_end
from fakes.samples import a_job, a_publish_key, a_report, a_variant
from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.model import Digest
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import Stage, VariantState
from tflited.domain.sandbox import SandboxDemand
from tflited.engine.attempt import Work
from tflited.engine.messages import AttemptEnded


def run(
    world: World,
    custom_objects: tuple[Path, ...] = (),
    sandbox: SandboxDemand = SandboxDemand.REQUIRED,
) -> AttemptEnded:
    work = Work(
        job=a_job(7, sandbox=sandbox),
        policy=Policy(),
        key=a_publish_key(),
        calibration=(Path("/data/a.npz"),),
        evaluation=(),
        custom_objects=custom_objects,
        custom_objects_digest=Digest("d" * 64) if custom_objects else None,
    )
    return world.runner.run(work, lambda *_: None, Event())


@pytest.mark.parametrize("end", [AttemptResult.CRASH, AttemptResult.LIMIT, AttemptResult.TIMEOUT])
@pytest.mark.parametrize("told", [(Stage.QUANTISE, "int8"), (Stage.PROVE, "int8 layers")])
def test_a_variant_that_ends_its_child_is_given_up(
    world: World, end: AttemptResult, told: tuple[Stage, str]
) -> None:
    """Another child makes the set without it, in an empty folder."""
    world.executor.told = told
    world.executor.script = [an_end(end, code="crash")]
    with capture_logs() as logs:
        ended = run(world)
    assert [(entry["event"], entry["variant"]) for entry in logs] == [("variant_given_up", "int8")]
    first, second = world.executor.requests
    assert ended.published is not None
    assert dict(first.given_up) == {}
    assert list(second.given_up) == [Variant.INT8]
    assert second.given_up[Variant.INT8]


@pytest.mark.parametrize(
    ("told", "end", "code"),
    [
        ((Stage.LOAD, "int8"), AttemptResult.CRASH, "crash"),
        ((Stage.QUANTISE, "float32"), AttemptResult.CRASH, "crash"),
        ((Stage.QUANTISE, "a model called int8"), AttemptResult.CRASH, "crash"),
        ((Stage.QUANTISE, "int8"), AttemptResult.CRASH, "out_of_memory"),
        ((Stage.QUANTISE, "int8"), AttemptResult.ERROR, "conversion"),
        ((Stage.QUANTISE, "int8"), AttemptResult.CANCELLED, "cancelled"),
    ],
)
def test_other_ends_are_no_variants_fault(
    world: World, told: tuple[Stage, str], end: AttemptResult, code: str
) -> None:
    """Want of memory passes, and without float32 there is nothing to make."""
    world.executor.told = told
    world.executor.script = [an_end(end, code=code)]
    run(world)
    assert len(world.executor.requests) == 1


def test_a_child_that_ends_without_the_variant_is_not_tried_for_ever(world: World) -> None:
    """It was not the variant, then."""
    world.executor.told = (Stage.QUANTISE, "int8")
    world.executor.script = [an_end(AttemptResult.CRASH, code="crash")] * 5
    ended = run(world)
    assert len(world.executor.requests) == 2
    assert ended.published is None


def test_an_attempt_without_the_sandbox_is_logged(world: World) -> None:
    """Each one, as a warning."""
    with capture_logs() as logs:
        run(world)
        assert logs == []
        run(world, sandbox=SandboxDemand.OFF)
    assert [entry["event"] for entry in logs] == ["attempt_unsandboxed"]


def test_another_child_proves_without_the_model(world: World) -> None:
    """It knows the first one's folder, and has its own: but neither model nor code."""
    run(world, custom_objects=(Path("/models/layers.py"),))
    (made,), (proof,) = world.executor.requests, world.executor.proofs
    assert (made.evidence, proof.evidence) == ("", made.scratch)
    assert proof.scratch not in {made.scratch, ""}
    assert (proof.model, proof.calibration, proof.custom_objects) == ("", (), ())
    assert (proof.policy, proof.sandbox) == (made.policy, made.sandbox)


def test_a_set_that_the_second_proof_rejects_is_not_published(world: World) -> None:
    """Its reason is the job's."""
    bad = a_variant(state=VariantState.REJECTED, reason="fidelity: 3 dB")
    world.executor.second = AttemptOutcome(result=AttemptResult.OK, report=a_report(bad))
    ended = run(world)
    assert ended.published is None
    assert ended.failure is not None
    assert ended.failure.code == "baseline_mismatch"
    assert "3 dB" in ended.failure.message


def test_a_proof_that_dies_publishes_nothing(world: World) -> None:
    """A file that takes its prover down is no set, and the end has its name."""
    world.executor.second = an_end(AttemptResult.CRASH, code="crash")
    ended = run(world)
    assert ended.published is None
    assert ended.failure is not None
    assert ended.failure.code == "crash"
    assert len(world.executor.proofs) == 1
