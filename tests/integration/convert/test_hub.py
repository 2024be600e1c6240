"""Hub modules of every form, converted and proven in real tensorflow."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import hub_modules
from tflited.convert.hub.opened import open_hub
from tflited.domain.hub import COPY_MODULE, COPY_REFERENCE
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import BuildReport, VariantState
from tflited.errors import ConversionError

Build = Callable[..., BuildReport]
FLOAT32 = (Variant.FLOAT32,)


@pytest.fixture
def hub_copy(tmp_path: Path) -> Callable[..., Path]:
    """A private copy as ``sources`` stages it: the reference beside the module."""

    def made(module: Callable[[Path], Path], lines: str = "") -> Path:
        copy = tmp_path / "net"
        copy.mkdir()
        module(copy / COPY_MODULE)
        (copy / COPY_REFERENCE).write_text(f'handle = "https://hub.example/net/1"\n{lines}')
        return copy

    return made


def proven(report: BuildReport) -> BuildReport:
    (entry,) = report.variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert report.source.loader == "hub"
    return report


def test_a_module_with_a_signature(build: Build, hub_copy: Callable[..., Path]) -> None:
    """Its own signature is used; it needs no shape."""
    report = proven(build(hub_copy(hub_modules.with_signature), ModelKind.HUB, variants=FLOAT32))
    assert report.source.signature == "serving_default"
    assert report.source.inputs[0].shape == (-1, 4)


def test_the_reference_fixes_a_signatures_shape(
    build: Build, hub_copy: Callable[..., Path]
) -> None:
    """A batch of the reference's wins over the policy's."""
    copy = hub_copy(hub_modules.with_signature, "input_shape = [2, 4]")
    report = proven(build(copy, ModelKind.HUB, variants=FLOAT32, input_shape={"": (7, 4)}))
    assert report.variants[0].inputs[0].shape == (2, 4)


@pytest.mark.parametrize(
    ("lines", "shape"),
    [
        ("input_shape = [1, 4]", (1, 4)),
        ("input_shape = { features = [5, 4] }", (5, 4)),
        ("", (-1, 4)),
    ],
)
def test_a_module_without_a_signature_is_called(
    build: Build, hub_copy: Callable[..., Path], lines: str, shape: tuple[int, ...]
) -> None:
    """Traced with the reference's shape, or with the shape that it was saved with."""
    report = proven(
        build(hub_copy(hub_modules.without_signature, lines), ModelKind.HUB, variants=FLOAT32)
    )
    (given,) = report.source.inputs
    assert (given.name, given.shape) == ("features", shape)
    assert any("no signature" in note for note in report.source.notes)


def test_a_call_of_several_inputs(build: Build, hub_copy: Callable[..., Path]) -> None:
    """Shapes by name, outputs by name, and the trace that does not train."""
    copy = hub_copy(hub_modules.several_inputs, "input_shape = { left = [1, 4], right = [1, 4] }")
    report = proven(build(copy, ModelKind.HUB, variants=FLOAT32))
    assert [spec.name for spec in report.source.inputs] == ["left", "right"]
    assert [spec.name for spec in report.source.outputs] == ["product", "sum"]


def test_a_call_computes_what_the_module_computes(hub_copy: Callable[..., Path]) -> None:
    """The traced signature gives the module's own numbers."""
    copy = hub_copy(hub_modules.several_inputs)
    source = open_hub(copy, Policy(), copy)
    ones = np.ones((2, 4), np.float32)
    outputs = source.signatures[0].run({"left": ones, "right": ones})
    assert np.allclose(outputs["sum"], 2.0)
    assert np.allclose(outputs["product"], ones @ hub_modules.weights(), atol=1e-6)


def test_the_hub_format_of_tf1(build: Build, hub_copy: Callable[..., Path]) -> None:
    """No tags and a signature ``default``, as ``hub.Module`` called it."""
    report = proven(build(hub_copy(hub_modules.tf1_format), ModelKind.HUB, variants=FLOAT32))
    assert report.source.signature == "default"


def test_a_reference_names_another_signature(build: Build, hub_copy: Callable[..., Path]) -> None:
    """The reference's word wins over the default."""
    copy = hub_copy(hub_modules.tf1_format, 'signature = "other"\ntags = []')
    report = proven(build(copy, ModelKind.HUB, variants=FLOAT32))
    assert report.source.signature == "other"


def plain(folder: Path) -> Path:
    """A module that nothing can be done with."""
    module = tf.Module()
    module.look_up = tf.function(lambda x: x, input_signature=[tf.TensorSpec([1])])
    module.look_up.get_concrete_function()
    tf.saved_model.save(module, str(folder), signatures={})
    return folder


@pytest.mark.parametrize(
    ("module", "lines", "code", "part"),
    [
        (hub_modules.without_signature, "input_shape = [1, 5]", "input_shape", "features"),
        (hub_modules.several_inputs, "input_shape = [1, 4]", "input_shape", "right"),
        (hub_modules.with_signature, "input_shape = [1, 5]", "input_shape", "[1, 5]"),
        (hub_modules.with_signature, 'signature = "none"', "signatures", "serving_default"),
        (hub_modules.with_signature, 'tags = ["train"]', "tags", "serve"),
    ],
)
def test_what_does_not_fit_is_refused(
    build: Build,
    hub_copy: Callable[..., Path],
    module: Callable[[Path], Path],
    lines: str,
    code: str,
    part: str,
) -> None:
    """With what was asked, what the module has, and the key to change."""
    with pytest.raises(ConversionError) as refused:
        build(hub_copy(module, lines), ModelKind.HUB, variants=FLOAT32)
    assert refused.value.code == code
    assert part in refused.value.message
    assert refused.value.hint


def test_a_module_that_cannot_be_called_is_refused(
    build: Build, hub_copy: Callable[..., Path]
) -> None:
    """Without a signature and a call there is nothing to convert."""
    with pytest.raises(ConversionError) as refused:
        build(hub_copy(plain), ModelKind.HUB, variants=FLOAT32)
    assert refused.value.code == "no_signature"
