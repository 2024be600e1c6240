"""How a program of the operator's is run."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tflited.output import command
from tflited.output.command import CommandResult
from waiting import wait_until


@pytest.fixture
def abort() -> Iterator[int]:
    descriptor = os.eventfd(0)
    yield descriptor
    os.close(descriptor)


def run_python(code: str, abort: int, *arguments: str, timeout: float = 60) -> CommandResult:
    return command.run(
        [sys.executable, "-c", code, *arguments], timeout_seconds=timeout, abort=abort
    )


def test_a_program_is_run_to_its_end(abort: int) -> None:
    """Its status and what it wrote, to either stream, come back."""
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)"
    assert run_python(code, abort) == CommandResult(
        exit_code=3, is_killed=False, output="out\nerr\n"
    )


def test_no_shell_reads_the_arguments(abort: int) -> None:
    """A model's name is data, whatever is in it."""
    name = "$(reboot); `id` * 'x' \"y\""
    assert run_python("import sys; print(sys.argv[1])", abort, name).output == f"{name}\n"


def test_the_daemons_environment_stays_here(abort: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets of the service do not reach a hook."""
    monkeypatch.setenv("TFLITED_TOKEN", "secret")
    result = run_python("import os; print(sorted(os.environ), os.getcwd())", abort)
    assert "TFLITED_TOKEN" not in result.output
    assert result.output.endswith("/\n")


def test_a_program_gets_no_input(abort: int) -> None:
    """One that asks a question gets the end of input, not the daemon's terminal."""
    assert run_python("import sys; print(repr(sys.stdin.read()))", abort).output == "''\n"


def test_only_the_end_of_much_output_is_kept(abort: int) -> None:
    """A talkative hook costs no memory."""
    result = run_python("print('x' * 3_000_000); print('end')", abort)
    assert len(result.output) == command.KEPT_BYTES
    assert result.output.endswith("x\nend\n")


def test_output_that_is_no_text_is_shown_anyway(abort: int) -> None:
    """Undecodable bytes are replaced."""
    result = run_python(r"import os; os.write(1, b'a\xff')", abort)
    assert result.output == "a\N{REPLACEMENT CHARACTER}"


def test_a_program_that_hangs_is_killed(abort: int) -> None:
    """When its time is up it ends, and so it is told."""
    result = run_python("import signal; print('on', flush=True); signal.pause()", abort, timeout=2)
    assert result == CommandResult(exit_code=-signal.SIGKILL, is_killed=True, output="on\n")


def test_a_program_that_closed_its_output_is_killed_too(abort: int) -> None:
    """The end of the pipe is not the end of the program."""
    code = "import os, signal; os.close(1); os.close(2); signal.pause()"
    assert run_python(code, abort, timeout=2).is_killed


def test_an_abort_ends_a_program_at_once(abort: int) -> None:
    """A stopping daemon does not wait for the timeout."""
    os.eventfd_write(abort, 1)
    result = run_python("import signal; signal.pause()", abort, timeout=200)
    assert result.is_killed


GRANDCHILD = """
import subprocess, sys
child = subprocess.Popen(["sleep", "1000"])
print(child.pid, flush=True)
"""


def test_what_a_program_leaves_behind_ends_with_it(abort: int) -> None:
    """A child in the background neither holds up the hook nor outlives it."""
    result = run_python(GRANDCHILD, abort, timeout=200)
    assert not result.is_killed
    status = Path(f"/proc/{int(result.output)}/stat")
    wait_until(lambda: not status.exists() or ") Z " in status.read_text(), 30)


def test_a_program_that_is_not_there_is_an_error(abort: int) -> None:
    """The caller logs it."""
    with pytest.raises(FileNotFoundError):
        command.run(["/no/such/program"], timeout_seconds=1, abort=abort)


def test_no_descriptor_is_left_open(abort: int) -> None:
    """A thousand hooks later there are as many as before."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths
    for _ in range(3):
        run_python("pass", abort)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - names, not paths
