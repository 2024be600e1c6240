"""Hub references that come as triggers: kept once, or refused."""

import tomllib
from pathlib import Path

import pytest

from tflited.domain.hub import HubReference
from tflited.errors import TriggerRefusedError
from tflited.triggers.references import ReferenceFolder

HANDLE = "https://hub.example/google/net/1"


def test_a_reference_becomes_a_file(tmp_path: Path) -> None:
    """With what the document said."""
    folder = ReferenceFolder(tmp_path, ())
    reference = HubReference(handle=HANDLE, input_shape={"": (1, 224, 224, 3)})
    path = folder.place(reference)
    assert not path.exists()
    folder.keep(reference)
    assert path.parent == tmp_path
    assert path.name.startswith("google-net-1-")
    assert tomllib.loads(path.read_text()) == {"handle": HANDLE, "input_shape": [1, 224, 224, 3]}


def test_the_same_reference_is_the_same_file(tmp_path: Path) -> None:
    """It is not written again, so the model does not settle anew; another shape is another."""
    folder = ReferenceFolder(tmp_path, ())
    folder.keep(HubReference(handle=HANDLE))
    (first,) = tmp_path.iterdir()
    before = first.stat()
    folder.keep(HubReference(handle=HANDLE))
    assert (first.stat().st_ino, first.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    folder.keep(HubReference(handle=HANDLE, input_shape={"": (1,)}))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "handle",
    [
        "http://hub.example/net",
        "gs://bucket/net",
        "relative/net",
        "/srv/models/../../etc",
        "/srv/\0",
        "https://user:word@hub.example/net",
    ],
)
def test_handles_that_are_not_allowed(tmp_path: Path, handle: str) -> None:
    """Refused with the key and the way out; nothing is written."""
    with pytest.raises(TriggerRefusedError, match=r"model\.hub") as refused:
        ReferenceFolder(tmp_path, ()).keep(HubReference(handle=handle))
    assert refused.value.hint
    assert not list(tmp_path.iterdir())
