"""The conversation with TFLM's interpreter, which is real here, and so are its crashes."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from tflited.convert.micro import arena, tflm
from tflited.convert.micro.tflm import Tflm, is_installed, version

ROOMY = 2**20
SAMPLES = [[np.full((1, 1), value, np.float32)] for value in (0.0, 1.0, 1.5707964)]


@pytest.fixture
def sine(tmp_path: Path) -> Iterator[Tflm]:
    """TFLM's own example: a small network that computes the sine."""
    # Named as a file: importing the package here would load its native code into the tests.
    place = resources.files("tflite_micro") / "python/tflite_micro/sine_float.tflite"
    with Tflm.opened(tmp_path, place.read_bytes(), SAMPLES, output_count=1) as opened:
        yield opened


def test_it_computes(sine: Tflm) -> None:
    """Every sample's outputs come back, in order."""
    answer = sine.run(ROOMY, 3, is_printing=True)
    assert answer.is_ok
    assert 1000 < answer.total_bytes < 3000
    values = [float(values[0].ravel()[0]) for values in sine.outputs(3)]
    assert np.allclose(values, np.sin([0.0, 1.0, 1.5707964]), atol=0.1)


def test_too_small_an_arena_is_told_in_its_words(sine: Tflm) -> None:
    """An arena that is a little too small is an answer, and no crash."""
    answer = sine.run(1600, 1)
    assert (answer.is_ok, answer.is_dead, answer.lacked_room) == (False, False, True)
    assert "Failed to allocate" in answer.words
    assert sine.starts == 1


def test_a_crash_costs_the_probe_only(sine: Tflm) -> None:
    """Far too small an arena ends the interpreter's process; the next question starts another."""
    answer = sine.run(16, 1)
    assert answer.is_dead
    assert "SIG" in answer.words
    assert sine.run(ROOMY, 1).is_ok
    assert sine.starts == 2


def test_silence_ends_with_the_deadline(sine: Tflm) -> None:
    """A hang is a refusal like any other."""
    sine.seconds = 0.0
    answer = sine.run(ROOMY, 1)
    assert answer.is_dead
    assert "no answer within 0 s" in answer.words
    sine.seconds = 60.0
    assert sine.run(ROOMY, 1).is_ok


def test_a_broken_installation_is_no_fault_of_the_model(
    sine: Tflm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe that ends by itself has not judged anything; its last line tells why."""
    monkeypatch.setattr(tflm, "_MODULE", "tflited.convert.micro.no_such_module")
    answer = sine.run(ROOMY, 1)
    assert (answer.is_ok, answer.is_broken) == (False, True)
    assert "No module named" in answer.words


def test_the_smallest_arena_is_the_same_wherever_the_search_begins(sine: Tflm) -> None:
    """It is a property of the model, not of the search: it works and 16 bytes less do not."""

    def works(size: int) -> bool:
        return sine.run(size, 1).is_ok

    printed = sine.run(ROOMY, 1, is_printing=True).total_bytes
    found = arena.smallest(works, guess=printed, enough=ROOMY)
    assert printed <= found
    assert arena.smallest(works, guess=4096, enough=ROOMY) == found
    assert works(found)
    assert not works(found - arena.STEP)


def test_a_wrong_sample_is_an_answer(tmp_path: Path) -> None:
    """A shape that TFLM does not take: it has static shapes only."""
    place = resources.files("tflite_micro") / "python/tflite_micro/sine_float.tflite"
    samples = [[np.zeros((2, 3), np.float32)]]
    with Tflm.opened(tmp_path, place.read_bytes(), samples, output_count=1) as opened:
        answer = opened.run(ROOMY, 1)
    assert (answer.is_ok, answer.is_dead) == (False, False)
    assert answer.words


def test_the_probe_starts_without_tensorflow() -> None:
    """It is started for every variant: a tenth of tensorflow's seconds, and one thread."""
    script = (
        "import os, sys, tflited.convert.micro.probe;"
        "print(len(os.listdir('/proc/self/task')), 'tensorflow' in sys.modules,"
        " 'ai_edge_litert' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["1", "False", "False"]


def test_installed_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found without being imported; blocked as an import that is not there."""
    assert is_installed()
    assert version() != "absent"
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    assert not is_installed()
