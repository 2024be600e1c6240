"""The whole sandbox around real children: nothing escapes, and nothing runs in half of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.sandboxed import HARMLESS, attempt, executor_of, open_scratch
from tflited.domain.attempt import AttemptResult
from tflited.domain.sandbox import SandboxDemand, SandboxLevel
from tflited.workers.local import LocalExecutor
from tflited.workers.sandbox.layers import ALWAYS, FETCH, LAYERS


@pytest.fixture(params=["json", "fakes.ordinary_preload"], ids=["as started", "ordinary user"])
def executor(request: pytest.FixtureRequest) -> Iterator[LocalExecutor]:
    yield from executor_of(request.param, "fakes.escapes")


@pytest.fixture(scope="module")
def short() -> Iterator[LocalExecutor]:
    yield from executor_of("fakes.short_sandbox", "fakes.entries")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with open_scratch() as folder:
        yield folder


def test_nothing_escapes(executor: LocalExecutor, open_folder: Path) -> None:
    """Of a hundred ways out, only what tells that a path exists works."""
    outcome = attempt(executor, open_folder / "work")
    assert outcome.report is not None, outcome.failure
    count, *worked = outcome.report.source.notes
    assert int(count) >= 100
    assert set(worked) == HARMLESS
    assert outcome.sandbox in {SandboxLevel.FULL, SandboxLevel.NO_NAMESPACES}
    assert (open_folder / "secret").read_text() == "secret"


@pytest.mark.parametrize("name", [layer.name for layer in LAYERS])
def test_without_a_layer_nothing_runs(short: LocalExecutor, tmp_path: Path, name: str) -> None:
    """Each layer is missed, by its name, and the attempt is refused for good."""
    (tmp_path / name).mkdir()
    outcome = attempt(short, tmp_path / name)
    assert outcome.result is AttemptResult.ERROR, outcome
    assert outcome.failure is not None
    assert outcome.failure.code == "sandbox_refused"
    # Without it the kernel lets an ordinary process have no Landlock.
    told = "landlock" if name == "no new privileges" else name
    assert f"{told} layer" in outcome.failure.message
    assert 'sandbox = "off"' in outcome.failure.hint
    assert not outcome.failure.is_retryable
    assert set(outcome.stage_seconds) <= {"start"}


def test_with_every_layer_it_runs(short: LocalExecutor, tmp_path: Path) -> None:
    """So that the refusals above are those of the missing layer."""
    assert attempt(short, tmp_path).result is AttemptResult.OK


def test_what_is_switched_off_is_told(short: LocalExecutor, tmp_path: Path) -> None:
    """And the layers that cost nothing hold all the same."""
    assert attempt(short, tmp_path, SandboxDemand.OFF).sandbox is SandboxLevel.OFF
    assert {"limits", "no new privileges"} <= ALWAYS <= {layer.name for layer in LAYERS}
    assert {layer.name for layer in LAYERS} > FETCH
