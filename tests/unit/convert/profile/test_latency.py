"""Timing is bounded, measured once for each file, and says why where it is not possible."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from drawn import Drawn, Step, draw
from tflited.convert import flatbuffer
from tflited.convert.profile import latency as timing
from tflited.convert.profile.latency import Stopwatch
from tflited.convert.reference import Pair, Reference
from tflited.domain.policy import ProfileRules

ROW = Pair(inputs={"x": np.zeros((1, 4), "f4")}, outputs={})


@pytest.fixture
def content() -> bytes:
    """A rectifier: it runs without any option or constant."""
    step = Step(operator=schema.BuiltinOperator.RELU, inputs=("x",), outputs=("y",))
    return draw((Drawn(name="x"), Drawn(name="y")), (step,), ("x",), ("y",))


def stopwatch(runs: int = 5, *, pairs: tuple[Pair, ...] = (ROW,), trouble: str = "") -> Stopwatch:
    reference = Reference(origin="random", pairs={"serving_default": pairs}, trouble=trouble)
    return Stopwatch(ProfileRules(runs=runs), threads=1, reference=reference)


def test_as_many_invocations_as_are_asked_for(content: bytes) -> None:
    """A small file takes microseconds; its build's threads are used where none are named."""
    found = stopwatch(5).latency(content, flatbuffer.read(content))
    assert (found.runs, found.threads, found.reason) == (5, 1, "")
    assert found.median_ms is not None
    assert found.p90_ms is not None
    assert 0.0 < found.median_ms <= found.p90_ms


def test_a_slow_file_is_invoked_once(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the warm-up takes too long already, nothing more is run."""
    monkeypatch.setattr(timing, "MOST_SECONDS", 0.0)
    assert stopwatch(5).latency(content, flatbuffer.read(content)).runs == 1


def test_a_file_is_timed_once(content: bytes) -> None:
    """It may be published as two variants."""
    watch = stopwatch()
    file = flatbuffer.read(content)
    assert watch.latency(content, file) is watch.latency(bytes(content), file)


def test_without_a_sample_the_reason_is_told(content: bytes) -> None:
    """The source may not run on any input there is."""
    found = stopwatch(pairs=(), trouble="the source did not run").latency(
        content, flatbuffer.read(content)
    )
    assert (found.runs, found.median_ms, found.reason) == (0, None, "the source did not run")


def test_a_file_that_does_not_run_is_told() -> None:
    """A failure to time a file is no failure of the build."""
    step = Step(operator=schema.BuiltinOperator.CONV_2D, inputs=("x",), outputs=("y",))
    broken = draw((Drawn(name="x"), Drawn(name="y")), (step,), ("x",), ("y",))
    found = stopwatch().latency(broken, flatbuffer.read(broken))
    assert (found.runs, found.median_ms) == (0, None)
    assert found.reason
