"""What of the file system is left: a read list, one folder to write, and nothing to start."""

import errno
import os
from pathlib import Path

import pytest

from fakes.sandboxed import alone
from tflited.workers.sandbox import landlock

DENIED, CROSSED = str(errno.EACCES), str(errno.EXDEV)
RESTRICT = """
kernel.forbid_new_privileges()
landlock.restrict(CONFINEMENT, taken)
"""


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A scratch folder, a file to read, and a neighbour."""
    for name in ("scratch", "input", "beside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name, encoding="ascii")
    return tmp_path


def told(folders: Path, *actions: str, head: str = "") -> list[str]:
    """What came of each action in a process under the layer; ``BASE`` is the folder."""
    lines = [f"BASE = {str(folders)!r}", head, RESTRICT, *(f"tried(lambda: {a})" for a in actions)]
    return alone("\n".join(lines), str(folders / "scratch"))


def test_the_scratch_is_written_and_nothing_else(folders: Path) -> None:
    """Made, renamed, truncated and removed inside; neither written nor read beside it."""
    assert (
        told(
            folders,
            "open(BASE + '/scratch/new', 'w').close()",
            "os.rename(BASE + '/scratch/new', BASE + '/scratch/other')",
            "os.truncate(BASE + '/scratch/other', 0)",
            "os.unlink(BASE + '/scratch/other')",
            "os.mkdir(BASE + '/scratch/folder')",
            "open(BASE + '/beside/file')",
            "open(BASE + '/beside/new', 'w')",
            "os.unlink(BASE + '/beside/file')",
            "os.listdir(BASE)",
        )
        == ["ok"] * 5 + [DENIED] * 4
    )


def test_nothing_leads_out_of_the_scratch(folders: Path) -> None:
    """No link, pipe or device is made, and no file moved out."""
    assert told(
        folders,
        "os.symlink('/etc/passwd', BASE + '/scratch/link')",
        "os.mkfifo(BASE + '/scratch/pipe')",
        "os.rename(BASE + '/scratch/file', BASE + '/beside/moved')",
    ) == [DENIED, DENIED, told(folders, "os.link(BASE + '/scratch/file', BASE + '/beside/x')")[0]]


def test_the_request_s_files_are_read_only(folders: Path) -> None:
    """What the confinement names is read, not written."""
    head = "CONFINEMENT = replace(CONFINEMENT, readable=(BASE + '/input',))"
    actions = ("open(BASE + '/input/file')", "open(BASE + '/input/file', 'r+')")
    assert told(folders, *actions, head=head) == ["ok", DENIED]


def test_a_single_file_may_be_named_and_what_is_not_there_is_no_error(folders: Path) -> None:
    """Its neighbours stay shut."""
    (folders / "input" / "second").touch()
    head = "CONFINEMENT = replace(CONFINEMENT, readable=(BASE + '/input/file', '/no/such/file'))"
    actions = ("open(BASE + '/input/file')", "open(BASE + '/input/second')")
    assert told(folders, *actions, head=head) == ["ok", DENIED]


def test_no_program_starts(folders: Path) -> None:
    """Not even one that may be read; the interpreter alone where it is allowed."""
    assert told(
        folders, "os.execv('/usr/bin/env', ['env'])", "os.execv(sys.executable, ['x'])"
    ) == [
        DENIED,
        DENIED,
    ]
    head = "CONFINEMENT = replace(CONFINEMENT, may_spawn=True)"
    actions = ("os.execv('/usr/bin/env', ['env'])", "os.execv(sys.executable, ['x', '-V'])")
    assert told(folders, *actions, head=head)[:2] == [DENIED, "Python"]


def test_names_and_certificates_are_for_a_fetch(folders: Path) -> None:
    """Nobody else has a use for them."""
    head = "CONFINEMENT = replace(CONFINEMENT, may_connect=True)"
    actions = ("open('/etc/hosts')", "open('/etc/passwd')")
    assert told(folders, *actions, head=head) == ["ok", DENIED]
    assert told(folders, *actions) == [DENIED, DENIED]


def test_the_layer_is_missed(tmp_path: Path) -> None:
    """Where it was not applied the root folder can be read."""
    assert landlock.lacking(None, None) == "the root folder can be read"  # type: ignore[arg-type]  # not looked at
    code = f"{RESTRICT}\nprint(landlock.lacking(CONFINEMENT, taken) or 'held')"
    assert alone(code, str(tmp_path)) == ["held"]


def test_the_interpreter_is_not_the_search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that happens to be on it holds what is nobody's business."""
    monkeypatch.syspath_prepend("/no/such/secrets")
    assert "/no/such/secrets" not in landlock.interpreter()
    assert any(os.__file__.startswith(place) for place in landlock.interpreter())
