"""Code that comes with a model: modules that a policy names, and lambdas that it allows."""

import base64
import json
import marshal  # noqa: TID251 - plants what Keras stores
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import zoo
from tflited.convert.load import load
from tflited.convert.opening.source import Source
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind, kind_of_file
from tflited.domain.policy import Policy
from tflited.errors import ConversionError

Open = Callable[..., Source]


@pytest.fixture
def opened(scratch: Path) -> Open:
    """Loads a model with a module, whose text is given."""

    def load_with(model: Path, text: str = "", **policy: Any) -> Source:
        module = scratch.parent / "layers.py"
        if text:
            module.write_text(text)
            policy["custom_objects"] = str(module)
        request = AttemptRequest(
            attempt="1.1",
            kind=kind_of_file(model.name) or ModelKind.SAVED_MODEL,
            model=str(model),
            stem="model",
            scratch=str(scratch),
            policy=Policy(**policy),
            custom_objects=(str(module),) if text else (),
        )
        return load(request)

    return load_with


@pytest.fixture
def refusal(opened: Open) -> Callable[..., ConversionError]:
    """Loads what must not load, and gives the error."""

    def refused(*arguments: Any, **policy: Any) -> ConversionError:
        with pytest.raises(ConversionError) as caught:
            opened(*arguments, **policy)
        assert caught.value.hint
        return caught.value

    return refused


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("import keras\n\nclass Scale(:\n", "layers.py, line 3: SyntaxError"),
        ("a = 1\nb = c\n", "layers.py, line 2: NameError: name 'c' is not defined"),
        ("class Own(Exception):\n    pass\nraise Own('why')\n", "layers.py, line 3: Own: why"),
        ("import no_such_package\n", "layers.py, line 1: ModuleNotFoundError"),
        ("raise SystemExit(3)\n", "layers.py, line 1: SystemExit: 3"),
    ],
)
def test_a_wrong_module_is_told_by_its_line(
    refusal: Callable[..., ConversionError], text: str, part: str
) -> None:
    """Whoever wrote it finds the place; nothing ends the process."""
    error = refusal(zoo.small("custom_layers.keras"), text)
    assert error.code == "custom_objects_module"
    assert part in error.message


def test_a_fault_in_a_layer_is_told_by_its_line(refusal: Callable[..., ConversionError]) -> None:
    """The module imports, its layer fails when it is called."""
    text = zoo.small("layers.py").read_text().replace("inputs * self.factor", "inputs * factor")
    assert "factor" in refusal(zoo.small("custom_layers.keras"), text).message


def test_a_module_without_the_class_names_what_is_missing(
    refusal: Callable[..., ConversionError],
) -> None:
    """As without a module: the hint is the same."""
    error = refusal(zoo.small("custom_layers.keras"), "x = 1\n")
    assert error.code == "custom_objects"
    assert "Could not locate class 'Scale'" in error.message


def test_a_module_that_is_not_there_is_named(refusal: Callable[..., ConversionError]) -> None:
    """The policy names it, the engine found no file."""
    error = refusal(zoo.small("custom_layers.keras"), custom_objects="/models/layers.py")
    assert error.code == "custom_objects_module"
    assert "/models/layers.py" in error.message


def test_layers_of_the_other_keras_are_told_apart(
    refusal: Callable[..., ConversionError], tmp_path: Path
) -> None:
    """A Keras 2 file needs layers of tf_keras; the message of Keras would be about neither."""
    tf_keras.Sequential([tf_keras.Input((3,)), tf_keras.layers.Dense(2)]).save(tmp_path / "m.h5")
    text = "import tensorflow as tf\n\nclass Own(tf.keras.layers.Layer):\n    pass\n"
    error = refusal(tmp_path / "m.h5", text)
    assert "Own" in error.message
    assert "import tf_keras" in error.hint


def test_a_keras_2_layer_comes_from_a_module(opened: Open, tmp_path: Path) -> None:
    """Unregistered, as old code has it."""
    text = (
        "import tf_keras\n\n\nclass Twice(tf_keras.layers.Layer):\n"
        "    def call(self, inputs):\n        return inputs * 2.0\n"
    )
    names: dict[str, Any] = {"__name__": "own"}
    exec(text, names)  # noqa: S102 - the module that the model's owner would keep
    model = tf_keras.Sequential([tf_keras.Input((3,)), names["Twice"]()])
    model.save(tmp_path / "m.h5")
    assert opened(tmp_path / "m.h5", text).loader == "tf_keras"


def test_a_subclassed_model_is_opened_by_what_it_was_built_with(
    opened: Open, tmp_path: Path
) -> None:
    """Its only input takes any batch; the name is that of the call's argument."""
    text = (
        "import keras\n\n\n@keras.saving.register_keras_serializable(package='own')\n"
        "class Net(keras.Model):\n"
        "    def __init__(self, **kwargs):\n        super().__init__(**kwargs)\n"
        "        self.dense = keras.layers.Dense(2)\n\n"
        "    def call(self, row):\n        return self.dense(row)\n"
    )
    names: dict[str, Any] = {"__name__": "own"}
    exec(text, names)  # noqa: S102 - the module that the model's owner would keep
    model = names["Net"]()
    model(keras.ops.zeros((4, 3)))
    model.save(tmp_path / "m.keras")
    (signature,) = opened(tmp_path / "m.keras", text).signatures
    assert [(spec.name, spec.shape) for spec in signature.inputs] == [("row", (-1, 3))]


def with_lambda(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """A copy of the lambda model with other bytecode."""
    with zipfile.ZipFile(zoo.small("lambda.keras")) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                function = config["config"]["layers"][2]["config"]["function"]["config"]
                code = change(base64.decodebytes(function["code"].encode()))
                function["code"] = base64.encodebytes(code).decode()
                data = json.dumps(config).encode()
            new.writestr(name, data)
    return path


def changed(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Bytecode with other operations in it."""

    def planted(code: bytes) -> bytes:
        known = marshal.loads(code)  # noqa: S302 - made by the zoo
        return marshal.dumps(known.replace(co_code=change(known.co_code)))

    return planted


@pytest.mark.parametrize(
    "change",
    [
        changed(lambda code: code[:2] + b"\0\0" + code[2:]),  # one more cache entry
        changed(lambda code: code[:8] + code[10:]),  # one less
        changed(lambda code: code[2:]),  # before functions began with RESUME
        lambda code: code[:20],
        lambda _: b"\x00nonsense",
    ],
)
def test_bytecode_of_another_python_is_refused(
    refusal: Callable[..., ConversionError], tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    """Running it could end the process; reading it does not."""
    error = refusal(with_lambda(tmp_path / "m.keras", change), allow_lambda=True)
    assert error.code == "lambda_code"
    assert "another version of Python" in error.message


def test_usual_names_are_there_for_a_lambda(opened: Open, tmp_path: Path) -> None:
    """The script that saved it had imported tensorflow as tf; Keras restores without it."""
    layer = keras.layers.Lambda(lambda x: tf.square(x), output_shape=(3,))  # noqa: PLW0108
    keras.Sequential([keras.Input((3,)), layer]).save(tmp_path / "m.keras")
    assert opened(tmp_path / "m.keras", allow_lambda=True).loader == "keras"


def test_a_module_gives_names_to_a_lambda(
    opened: Open, refusal: Callable[..., ConversionError], tmp_path: Path
) -> None:
    """What the lambda calls may stand in custom_objects, of a Keras 2 file as well."""
    text = "def tripled(x):\n    return x * 3.0\n"
    names: dict[str, Any] = {"__name__": "own"}
    exec(text, names)  # noqa: S102 - the module that the model's owner would keep
    function = eval("lambda x: tripled(x)", names)  # noqa: S307 - as above
    model = tf_keras.Sequential([tf_keras.Input((3,)), tf_keras.layers.Lambda(function)])
    model.save(tmp_path / "m.h5")
    assert "tripled" in refusal(tmp_path / "m.h5", allow_lambda=True).message
    (signature,) = opened(tmp_path / "m.h5", text, allow_lambda=True).signatures
    assert signature.outputs


def test_a_module_in_a_closure_is_named(
    refusal: Callable[..., ConversionError], tmp_path: Path
) -> None:
    """Keras writes down a table in its place and restores the table."""
    inner = tf
    layer = keras.layers.Lambda(lambda x: inner.square(x), output_shape=(3,))  # noqa: PLW0108
    keras.Sequential([keras.Input((3,)), layer]).save(tmp_path / "m.keras")
    assert "needs inner" in refusal(tmp_path / "m.keras", allow_lambda=True).message


def test_a_layer_may_branch_on_its_values(opened: Open, tmp_path: Path) -> None:
    """As in training, where Keras lets AutoGraph rewrite the call."""
    text = (
        "import tensorflow as tf\nimport tf_keras\n\n\nclass Gate(tf_keras.layers.Layer):\n"
        "    def call(self, inputs):\n"
        "        if tf.reduce_sum(inputs) > 0:\n            return inputs\n"
        "        return -inputs\n"
    )
    file = tmp_path / "gate.py"
    file.write_text(text)
    names: dict[str, Any] = {"__name__": "own"}
    exec(compile(text, str(file), "exec"), names)  # noqa: S102 - the owner's module
    tf_keras.Sequential([tf_keras.Input((3,)), names["Gate"]()]).save(tmp_path / "m.h5")
    (signature,) = opened(tmp_path / "m.h5", text).signatures
    (output,) = signature.run({signature.inputs[0].name: -np.ones((1, 3), np.float32)}).values()
    assert output.tolist() == [[1.0, 1.0, 1.0]]


def test_other_code_is_refused_even_where_lambdas_are_allowed(
    refusal: Callable[..., ConversionError], tmp_path: Path
) -> None:
    """TFSMLayer and its kin load other files; no key allows them."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "TFSMLayer"}))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.0.0"}))
    error = refusal(path, allow_lambda=True)
    assert error.code == "lambda_layer"
    assert "allow_lambda" not in error.hint


def test_the_kind_is_asked_of_the_file() -> None:
    """The builders above rely on it."""
    assert kind_of_file("m.keras") is ModelKind.KERAS
