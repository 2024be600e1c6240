"""What a child may read and write, by what it is asked: to convert, or to prove."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from fakes.sandboxed import SECONDS, executor_of
from tflited.domain.attempt import AttemptLimits, AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Target
from tflited.workers import child
from tflited.workers.local import LocalExecutor


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    yield from executor_of("json", "fakes.reaching")


@pytest.fixture
def conversion(tmp_path: Path) -> AttemptRequest:
    """A request whose files are all there."""
    for name in ("model", "work", "proof", "evaluation", "module"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name, encoding="ascii")
    return AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model=str(tmp_path / "model"),
        stem="ok",
        scratch=str(tmp_path / "work"),
        policy=Policy(),
        evaluation=(str(tmp_path / "evaluation/file"),),
        custom_objects=(str(tmp_path / "module/file"),),
    )


def reached(executor: LocalExecutor, request: AttemptRequest) -> tuple[str, ...]:
    """What the child says that worked."""
    limits = AttemptLimits(wall_seconds=SECONDS)
    outcome = executor.run_attempt(request, limits, lambda *_: None, Event())
    assert outcome.report is not None, outcome
    return outcome.report.source.notes


def test_a_conversion_reads_what_it_is_given(
    executor: LocalExecutor, conversion: AttemptRequest
) -> None:
    """Its model, its data and its module; and writes none of them."""
    told = reached(executor, conversion)
    assert told == ("read model", "read data", "read module", "read left", "write scratch")


def test_a_proof_sees_the_artifacts_read_only_and_no_model(
    executor: LocalExecutor, conversion: AttemptRequest
) -> None:
    """Whatever its request still names: the folder that it proves and the evaluation data."""
    work = Path(conversion.scratch)
    proof = replace(conversion, evidence=str(work), scratch=str(work.with_name("proof")))
    assert reached(executor, proof) == ("read data", "read left", "write scratch")
    assert (work / "file").read_text() == "work"
    assert [path.name for path in work.iterdir()] == ["file"]


def test_a_proof_starts_no_program(conversion: AttemptRequest) -> None:
    """Where a conversion for a microcontroller may start the interpreter again."""
    micro = replace(conversion, policy=Policy(target=Target.MICRO))
    reply, other = socket.socketpair()
    with reply, other:
        birth = child.Birth(entry="", parent_pid=1, reply=reply, noise_fd=2, request_fd=0)
        found = [
            child._confinement(birth, request).may_spawn
            for request in (conversion, micro, replace(micro, evidence="/left"))
        ]
    assert found == [False, True, False]
