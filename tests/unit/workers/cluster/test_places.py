"""Where an attempt's files are on a worker, and that nothing else of the request changes."""

from dataclasses import replace
from pathlib import Path

import pytest

from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.workers.cluster.places import moved, named_files
from tflited.workers.wire import WireError

REQUEST = AttemptRequest(
    attempt="1.1",
    kind=ModelKind.KERAS,
    model="/daemon/1.1/input/net.keras",
    stem="net",
    scratch="/daemon/1.1/work",
    policy=Policy(),
    calibration=("/data/cat/1.png", "/data/dog/1.png"),
    evaluation=("/data/dog/1.png", "/data/dog/2.png"),
    custom_objects=("/daemon/1.1/modules/layers.py",),
    provenance={"source": "models/net"},
)


def fetch_from(files: dict[str, Path]) -> tuple[list[str], object]:
    """A fetch that makes each file below its folder, and the names that it was asked for."""
    asked: list[str] = []

    def fetch(name: str, into: Path) -> Path:
        asked.append(name)
        made = into / files[name].name
        made.touch(exist_ok=False)
        return made

    return asked, fetch


def test_every_file_comes_once(tmp_path: Path) -> None:
    """Also one that calibrates and evaluates."""
    asked, fetch = fetch_from(dict(named_files(REQUEST)))
    moved(REQUEST, tmp_path, fetch)  # type: ignore[arg-type]
    assert sorted(asked) == sorted(named_files(REQUEST))
    assert len(asked) == 5


def test_the_folder_of_a_sample_keeps_its_name(tmp_path: Path) -> None:
    """It may be the sample's label."""
    _, fetch = fetch_from(dict(named_files(REQUEST)))
    there = moved(REQUEST, tmp_path, fetch)  # type: ignore[arg-type]
    names = [Path(path).relative_to(tmp_path / "data") for path in there.calibration]
    assert [str(name) for name in names] == ["data/cat/1.png", "data/dog/1.png"]
    assert there.evaluation[0] == there.calibration[1]


def test_nothing_else_changes(tmp_path: Path) -> None:
    """What decides the artifacts' bytes is the daemon's word."""
    _, fetch = fetch_from(dict(named_files(REQUEST)))
    there = moved(REQUEST, tmp_path, fetch)  # type: ignore[arg-type]
    assert Path(there.model).name == "net.keras"
    assert Path(there.scratch).is_dir()
    assert (
        replace(
            there,
            model=REQUEST.model,
            scratch=REQUEST.scratch,
            calibration=REQUEST.calibration,
            evaluation=REQUEST.evaluation,
            custom_objects=REQUEST.custom_objects,
        )
        == REQUEST
    )


@pytest.mark.parametrize("path", ["data/1.png", "/data/../../etc/passwd"])
def test_no_path_leads_out_of_the_place(tmp_path: Path, path: str) -> None:
    """Relative ones and such with .. are refused before anything is fetched for them."""
    request = replace(REQUEST, calibration=(path,), evaluation=())
    with pytest.raises(WireError, match="data file"):
        moved(request, tmp_path, lambda *_: pytest.fail("fetched"))
