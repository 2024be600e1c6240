"""Graph and weights of two exports load without an error; the fingerprint tells."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tflited.convert.opening import torn
from tflited.convert.opening.torn import check_fingerprint
from tflited.domain.report import BuildReport
from tflited.errors import ConversionError

Build = Callable[..., BuildReport]


class Net(tf.Module):  # type: ignore[misc]  # tensorflow has no types
    """One layer whose activation differs between exports, and whose variables do not."""

    def __init__(self, activation: Any, value: float) -> None:
        super().__init__()
        self.kernel = tf.Variable(tf.fill([8, 4], value), name="kernel")
        self.activation = activation

    @tf.function(input_signature=[tf.TensorSpec([1, 8])])  # type: ignore[untyped-decorator]
    def __call__(self, x: Any) -> dict[str, Any]:
        """Multiplies."""
        return {"y": self.activation(tf.matmul(x, self.kernel))}


@pytest.fixture
def exports(tmp_path: Path) -> tuple[Path, Path]:
    """Two models of the same names and shapes."""
    folders = []
    for name, activation, value in (("one", tf.nn.relu, 0.5), ("two", tf.nn.tanh, -0.25)):
        net = Net(activation, value)
        signatures = net.__call__.get_concrete_function()
        tf.saved_model.save(net, str(tmp_path / name), signatures=signatures)
        folders.append(tmp_path / name)
    return folders[0], folders[1]


def test_whole_models_pass(exports: tuple[Path, Path]) -> None:
    """With nothing to note."""
    assert [check_fingerprint(folder) for folder in exports] == [(), ()]


@pytest.mark.parametrize(
    ("part", "told"),
    [("variables", "variables/variables.index"), ("saved_model.pb", "saved_model.pb")],
)
def test_parts_of_two_exports_are_refused(
    exports: tuple[Path, Path], build: Build, part: str, told: str
) -> None:
    """Old graph with new weights, and new graph with old weights; unless the policy allows it."""
    one, two = exports
    if part == "variables":
        for file in (two / part).iterdir():
            shutil.copy(file, one / part)
    else:
        shutil.copy(two / part, one / part)
    with pytest.raises(ConversionError) as caught:
        build(one)
    assert caught.value.code == "torn"
    assert caught.value.message.startswith(told)
    assert "check_fingerprint = false" in caught.value.hint
    assert build(one, check_fingerprint=False).variants


def test_a_model_without_a_fingerprint_is_not_judged(exports: tuple[Path, Path]) -> None:
    """Older TensorFlow wrote none."""
    (exports[0] / "fingerprint.pb").unlink()
    assert check_fingerprint(exports[0]) == ()


def test_a_damaged_fingerprint_is_torn(exports: tuple[Path, Path]) -> None:
    """TensorFlow writes it as a whole."""
    file = exports[0] / "fingerprint.pb"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ConversionError, match="cut short"):
        check_fingerprint(exports[0])


def test_another_version_is_noted(exports: tuple[Path, Path]) -> None:
    """Versions compute the parts differently; nothing can be said."""
    file = exports[0] / "fingerprint.pb"
    message = torn._parsed(file.read_bytes())
    message.version.producer -= 1
    message.saved_model_checksum += 1
    file.write_bytes(message.SerializeToString())
    (note,) = check_fingerprint(exports[0])
    assert "not checked" in note


def test_a_tensorflow_without_fingerprints_is_noted(
    exports: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names are private and may go away."""
    monkeypatch.setattr(torn, "FINGERPRINTING", {"tensorflow": ("no_such_name",)})
    (note,) = check_fingerprint(exports[0])
    assert "no_such_name" in note
