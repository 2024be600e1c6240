"""Evaluation data that a file was calibrated on prove nothing of it."""

from pathlib import Path

from tflited.convert.auto import held_back
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import CheckResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy


def a_request(calibration: list[Path], evaluation: list[Path]) -> AttemptRequest:
    return AttemptRequest(
        attempt="1.1",
        kind=ModelKind.KERAS,
        model="",
        stem="m",
        scratch="",
        policy=Policy(),
        calibration=tuple(map(str, calibration)),
        evaluation=tuple(map(str, evaluation)),
    )


def test_a_copy_is_not_held_back(tmp_path: Path) -> None:
    """The bytes tell, not the name: the daemon copies data under names of its own."""
    one, copy, other = (tmp_path / name for name in ("one", "copy", "other"))
    one.write_bytes(b"a")
    copy.write_bytes(b"a")
    other.write_bytes(b"b")
    found = held_back.check(a_request([one], [copy, other]))
    assert found is not None
    assert found.result is CheckResult.UNPROVEN
    assert found.observed == "1 of 2 evaluation files are calibration files too"


def test_other_files_and_no_files_are_fine(tmp_path: Path) -> None:
    """Without evaluation data nothing claims to be held back."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"a")
    other.write_bytes(b"b")
    assert held_back.check(a_request([one], [other])) is None
    assert held_back.check(a_request([one], [])) is None
    assert held_back.check(a_request([], [other])) is None
