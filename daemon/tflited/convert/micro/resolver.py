"""Writes the resolver: a C++ header that adds exactly the operators of a model.

After TFLM's own generator (tools/gen_micro_mutable_op_resolver), with names of its own for each
model, so that two of them fit into one program.
"""

from tflited.convert.c_source.emit_c import Titles, head
from tflited.convert.micro.operators import method, unknown
from tflited.convert.tflite.flatbuffer import Flatbuffer


def resolver(file: Flatbuffer, titles: Titles) -> bytes | None:
    """The text of the header; None where TFLM lacks an operator.

    Args:
        file: the model's operators.
        titles: names and head lines.
    """
    if unknown(file.operators):
        return None
    symbol, count = titles.symbol, len(file.operators)
    guard = f"{titles.macro}_RESOLVER_H_INCLUDED"
    made = f"tflite::MicroMutableOpResolver<{titles.macro}_OPERATOR_COUNT>"
    lines = (
        *head(titles, None),
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"',
        "",
        f"#define {titles.macro}_OPERATOR_COUNT {count}",
        "",
        f"inline {made} {symbol}_get_resolver() {{",
        f"  {made} resolver;",
        *(f"  resolver.{name}();" for name in sorted(map(method, file.operators))),
        "  return resolver;",
        "}",
        "",
        f"#endif  // {guard}",
        "",
    )
    return "\n".join(lines).encode("ascii")
