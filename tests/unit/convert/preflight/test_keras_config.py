"""Looking through a Keras configuration."""

from typing import Any

import pytest

from tflited.convert.preflight.keras_config import DEEPEST, look_at_config
from tflited.errors import ConversionError


def an_object(module: str | None, name: str, config: Any = None, **more: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config or {}, **more}


def look(config: Any, *own: str) -> None:
    """Buried as deep as a layer's initialiser is."""
    model = an_object("keras", "Sequential", {"layers": [an_object("keras.layers", "X", config)]})
    look_at_config(model, weights_bytes=1000, own=frozenset(own))


@pytest.mark.parametrize(
    "entry",
    [
        an_object("os", "system"),
        an_object("subprocess", "Popen"),
        an_object("builtins", "exec"),
        an_object("tensorflow.io", "write_file"),
        an_object("keras.utils", "get_file"),
        an_object("tf_keras.models", "load_model"),
        an_object("keras", "function", "enable_unsafe_deserialization"),
        an_object("numpy", "function", "fromfile"),
    ],
)
def test_foreign_code_is_refused(entry: Any) -> None:
    """Whatever Keras would import, and what of its own reads files."""
    with pytest.raises(ConversionError) as refused:
        look({"kernel_initializer": entry})
    assert refused.value.code == "refused_module"
    assert entry["module"] in refused.value.message


@pytest.mark.parametrize(
    "entry",
    [
        an_object("keras.layers", "Dense", {"units": 4}),
        an_object("tf_keras.src.layers", "Dense"),
        an_object(None, "Mine", registered_name="Custom>Mine"),
        an_object("builtins", "function", "relu"),
        an_object("builtins", "module"),
        an_object("__main__", "Mine", registered_name="Mine"),
        an_object("no_such_module_here.layers", "Mine"),
        an_object("not a name", "Mine"),
    ],
)
def test_ordinary_entries_pass(entry: Any) -> None:
    """Unknown classes are Keras's to tell: its words lead to a better hint."""
    look({"inner": [entry]})


def test_names_of_the_policys_module_pass() -> None:
    """A class may live in a module that shares its name with an installed one."""
    entry = an_object("statistics", "Mine", registered_name="Mine")
    look(entry, "Mine")
    with pytest.raises(ConversionError):
        look(entry)


@pytest.mark.parametrize("key", ["vocabulary", "idf_weights"])
def test_a_path_in_the_place_of_a_list_is_refused(key: str) -> None:
    """It would be read on loading."""
    look({key: ["a", "b"]})
    look({key: None})
    with pytest.raises(ConversionError, match="'/etc/passwd'"):
        look({key: "/etc/passwd"})


@pytest.mark.parametrize("key", ["units", "filters", "output_dim", "input_dim"])
def test_more_units_than_bytes_are_absurd(key: str) -> None:
    """A layer has at least one weight for each; none takes less than a byte."""
    look({key: 1000, "name": "d"})
    with pytest.raises(ConversionError, match=f"{key} = 2000000000") as refused:
        look({key: 2_000_000_000, "name": "d"})
    assert refused.value.code == "absurd_size"


def test_deep_nesting_is_refused_without_recursion() -> None:
    """A bound of our own, before any walk that recurses meets it."""
    node: Any = {}
    for _ in range(DEEPEST * 40):
        node = [node]
    with pytest.raises(ConversionError, match="nested more than"):
        look(node)
