"""New namespaces around a child, and what holds where an outer sandbox forbids them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.sandboxed import HARMLESS, attempt, executor_of, open_scratch
from tflited.domain.limits import Limits
from tflited.domain.sandbox import SandboxLevel
from tflited.workers.local import LocalExecutor
from tflited.workers.sandbox import namespaces
from tflited.workers.sandbox.confinement import Confinement, Taken


@pytest.fixture(params=["fakes.no_namespaces_preload", "fakes.namespace_limit_preload"])
def inside(request: pytest.FixtureRequest) -> Iterator[LocalExecutor]:
    """A zygote in an outer sandbox that forbids namespaces."""
    yield from executor_of(request.param, "fakes.escapes")


def test_without_namespaces_nothing_escapes_all_the_same(inside: LocalExecutor) -> None:
    """A list of calls without sockets is "no network"; the outcome tells which level it was."""
    with open_scratch() as folder:
        outcome = attempt(inside, folder / "work")
    assert outcome.report is not None, outcome
    assert outcome.sandbox is SandboxLevel.NO_NAMESPACES
    count, *worked = outcome.report.source.notes
    assert int(count) >= 100
    assert set(worked) == HARMLESS


CONFINEMENT = Confinement(
    parent_pid=1, scratch="/", noise_fd=2, kept_fds=(), limits=Limits(), threads=1
)


def test_a_namespace_that_was_never_left_is_told() -> None:
    """The comparison is with what was there before, by name."""
    here = {name: Path("/proc/self/ns", name).stat().st_ino for name in namespaces.NAMES}
    assert namespaces.lacking(CONFINEMENT, Taken()) == "no namespace was left"
    same = Taken(namespaces=here, has_own_namespaces=True)
    assert "net, ipc, uts" in namespaces.lacking(CONFINEMENT, same)
    other = Taken(namespaces=dict.fromkeys(here, 1), has_own_namespaces=True)
    assert namespaces.lacking(CONFINEMENT, other) == ""
    assert namespaces.lacking(CONFINEMENT, Taken(namespaces=here, has_own_namespaces=False)) == ""
