"""The resolver header: exactly the model's operators, by TFLM's names.

TFLM's own header is in no package. A class that counts stands in for it: what is looked at here is
which of its methods our header calls, and that it compiles.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema

import linked
from tflited.convert.c_source.emit_c import Titles
from tflited.convert.micro.resolver import resolver
from tflited.convert.tflite import flatbuffer

Dense = Callable[..., bytes]
TITLES = Titles(symbol="g_digits", header_name="")
STAND_IN = """
namespace tflite {
template <unsigned int N>
struct MicroMutableOpResolver {
  unsigned int added = 0;
  void AddQuantize() { ++added; }
  void AddFullyConnected() { ++added; }
  void AddDequantize() { ++added; }
};
}
"""
PROGRAM = """
#include "resolver.h"
#include "resolver.h"
int main() { return g_digits_get_resolver().added == G_DIGITS_OPERATOR_COUNT ? 0 : 1; }
"""


@pytest.mark.requires_program("g++", "apt-get install g++")
def test_it_compiles_and_adds_each_operator_once(
    with_float_island: Callable[[bool], bytes], tmp_path: Path
) -> None:
    """Neither more nor fewer than the size of the resolver."""
    text = resolver(flatbuffer.read(with_float_island(False)), TITLES)
    assert text is not None
    assert b"MicroMutableOpResolver<G_DIGITS_OPERATOR_COUNT>" in text
    assert b"#define G_DIGITS_OPERATOR_COUNT 3\n" in text
    place = tmp_path / "tensorflow/lite/micro"
    place.mkdir(parents=True)
    (place / "micro_mutable_op_resolver.h").write_text(STAND_IN)
    linked.write(tmp_path, {"resolver.h": text, "main.cpp": PROGRAM.encode()})
    linked.compiled(tmp_path, *linked.CPP, "-I.", "main.cpp", "-o", "program")
    assert linked.printed(tmp_path) == b""


def test_an_operator_that_tflm_lacks_gives_no_header(dense: Dense) -> None:
    """A header without it would compile and fail on the device."""
    for operator in ("FlexErf", schema.BuiltinOperator.STABLEHLO_ADD):
        assert resolver(flatbuffer.read(dense(operator=operator)), TITLES) is None
