"""Stand-ins for tfmot's wrappers against files and outputs of the real one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import zoo
from tflited.convert.load import load
from tflited.convert.opening.source import Source
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind, kind_of_file
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import BuildReport, VariantState

Build = Callable[..., BuildReport]
FILES = ("pruned.h5", "pruned.keras", "pruned_recurrent.keras", "aware.h5", "aware.keras", "aware")


@pytest.fixture
def loaded(scratch: Path) -> Callable[[Path], Source]:
    """Loads a model without a policy of its own."""

    def opened(model: Path) -> Source:
        request = AttemptRequest(
            attempt="1.1",
            kind=kind_of_file(model.name) or ModelKind.SAVED_MODEL,
            model=str(model),
            stem="model",
            scratch=str(scratch),
            policy=Policy(),
        )
        return load(request)

    return opened


@pytest.mark.parametrize("name", FILES)
def test_the_source_gives_the_numbers_that_tfmot_gave(
    loaded: Callable[[Path], Source], name: str
) -> None:
    """A weight in the wrong place, or a tensor that is rounded or not, would show here."""
    source = loaded(zoo.tfmot(name))
    with np.load(zoo.tfmot("outputs.npz")) as known:
        image, expected = known["image"], known[name.partition(".")[0]]
    (signature,) = source.signatures
    (output,) = signature.run({signature.inputs[0].name: image}).values()
    np.testing.assert_allclose(output, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["pruned.h5", "pruned.keras", "pruned_recurrent.keras"])
def test_pruning_wrappers_are_taken_off(build: Build, name: str) -> None:
    """No mask is left in the file, and the note says so; zeros stay zeros."""
    kind = kind_of_file(name)
    report = build(zoo.tfmot(name), kind, variants=(Variant.FLOAT32,))
    (entry,) = report.variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert "pruning wrappers" in " ".join(report.source.notes)
    assert not {"MUL", "ASSIGN_VARIABLE", "READ_VARIABLE"} & set(entry.operators)
    assert not any("prune_low_magnitude" in spec.name for spec in entry.outputs)
