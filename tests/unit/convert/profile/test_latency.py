"""Timing is bounded, measured once for each file, and says why where it is not possible."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from drawn import Drawn, Step, draw
from tflited.convert.data.reference import Pair, Reference
from tflited.convert.profile import latency as timing
from tflited.convert.profile.latency import Stopwatch
from tflited.convert.proof.conformance import Measured
from tflited.convert.quantising.quantise import Made
from tflited.convert.stages import Stages
from tflited.convert.tflite import flatbuffer
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, ProfileRules, Variant
from tflited.domain.profile import Latency

ROW = Pair(inputs={"x": np.zeros((1, 4), "f4")}, outputs={})


@pytest.fixture
def content() -> bytes:
    """A rectifier: it runs without any option or constant."""
    step = Step(operator=schema.BuiltinOperator.RELU, inputs=("x",), outputs=("y",))
    return draw((Drawn(name="x"), Drawn(name="y")), (step,), ("x",), ("y",))


def stopwatch(
    runs: int = 5, *, pairs: tuple[Pair, ...] = (ROW,), trouble: str = "", is_enabled: bool = True
) -> Stopwatch:
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.KERAS,
        model="",
        stem="m",
        scratch="",
        policy=Policy(profile=ProfileRules(enabled=is_enabled, runs=runs)),
    )
    reference = Reference(origin="random", pairs={"serving_default": pairs}, trouble=trouble)
    return Stopwatch(request, reference, Stages(progress=lambda _stage, _detail: None))


def timed(watch: Stopwatch, content: bytes) -> Latency | None:
    file = Measured(flatbuffer=flatbuffer.read(content), size_bytes=len(content))
    return watch.latency(Variant.FLOAT32, Made(content=content, path=""), file)


def test_as_many_invocations_as_are_asked_for(content: bytes) -> None:
    """A small file takes microseconds; its build's threads are used where none are named."""
    found = timed(stopwatch(5), content)
    assert found is not None
    assert (found.runs, found.threads, found.reason) == (5, 1, "")
    assert found.median_ms is not None
    assert found.p90_ms is not None
    assert 0.0 < found.median_ms <= found.p90_ms


def test_a_slow_file_is_invoked_once(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the warm-up takes too long already, nothing more is run."""
    monkeypatch.setattr(timing, "MOST_SECONDS", 0.0)
    found = timed(stopwatch(5), content)
    assert found is not None
    assert found.runs == 1


def test_a_file_is_timed_once(content: bytes) -> None:
    """It may be published as two variants."""
    watch = stopwatch()
    assert timed(watch, content) is timed(watch, bytes(content))


def test_nothing_is_timed_where_it_is_switched_off(content: bytes) -> None:
    """Not even a reason is told."""
    assert timed(stopwatch(is_enabled=False), content) is None


def test_without_a_sample_the_reason_is_told(content: bytes) -> None:
    """The source may not run on any input there is."""
    found = timed(stopwatch(pairs=(), trouble="the source did not run"), content)
    assert found is not None
    assert (found.runs, found.median_ms, found.reason) == (0, None, "the source did not run")


def test_a_file_that_does_not_run_is_told() -> None:
    """A failure to time a file is no failure of the build."""
    step = Step(operator=schema.BuiltinOperator.CONV_2D, inputs=("x",), outputs=("y",))
    broken = draw((Drawn(name="x"), Drawn(name="y")), (step,), ("x",), ("y",))
    found = timed(stopwatch(), broken)
    assert found is not None
    assert (found.runs, found.median_ms) == (0, None)
    assert found.reason
