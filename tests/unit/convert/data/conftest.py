"""How the tests of all kinds of data look at a refusal."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tflited.convert.data import samples
from tflited.domain.figures import TensorSpec
from tflited.domain.preprocess import Preprocess
from tflited.errors import ConversionError

Refusal = Callable[..., str]


@pytest.fixture
def refusal() -> Refusal:
    """The message by which files are refused for an input."""

    def refused(files: Sequence[Path] | Path, *inputs: TensorSpec, **rules: Any) -> str:
        listed = [files] if isinstance(files, Path) else files
        with pytest.raises(ConversionError) as caught:
            samples.read(list(map(str, listed)), inputs, limit=10, rules=Preprocess(**rules))
        assert caught.value.code == "data"
        assert caught.value.hint
        return caught.value.message

    return refused
