"""Files in the layout that is published, and the C sources of each style."""

from collections.abc import Callable

import pytest

from tflited.convert.c_source.emit_c import Titles
from tflited.convert.micro.styles import sources, symbol_of
from tflited.convert.tflite import flatbuffer, layout
from tflited.domain.figures import MicroFigures
from tflited.domain.policy import CArray, CStyle, Policy, Target

Dense = Callable[..., bytes]
Styled = Callable[..., dict[str, bytes]]


@pytest.fixture
def published(dense: Dense) -> Callable[[int], bytes]:
    """A file with so many 8-bit weights, laid out as every published one is."""
    return lambda elements: layout.laid_out(dense(weights="int8", elements=elements))


@pytest.fixture
def styled() -> Styled:
    """The sources of a file, by name."""

    def made(
        content: bytes,
        style: CStyle,
        *,
        target: Target = Target.CPU,
        micro: MicroFigures | None = None,
        symbol: str = CArray().symbol,
        section: str = "",
    ) -> dict[str, bytes]:
        array = CArray(style=style, symbol=symbol, section=section)
        titles = Titles(
            symbol=symbol_of(array, model="digits", variant="int8"),
            header_name="",
            section=array.section,
            lines={"model": "digits"},
            micro=micro,
        )
        policy = Policy(target=target, c_array=array)
        return sources(content, flatbuffer.read(content), policy, titles, "digits")

    return made
