"""Remarks on a whole build for the reader of its report."""

from tflited.convert.lowering.lower import FLOAT_SETS
from tflited.convert.tflite.flatbuffer import Flatbuffer
from tflited.domain.policy import NEEDS_CALIBRATION, Policy, TensorType, Variant


def notes(policy: Policy, baseline: Flatbuffer) -> tuple[str, ...]:
    """What a reader must know of every file of a build.

    Args:
        policy: what was asked for.
        baseline: the float32 file.
    """
    return (*_state(baseline), *_edges(policy), *_operators(policy))


def _state(file: Flatbuffer) -> tuple[str, ...]:
    if not file.keeps_state:
        return ()
    note = (
        "The files keep the state of recurrent layers between invocations: reset the interpreter's "
        "variables before each new sequence."
    )
    return (note,)


def _edges(policy: Policy) -> tuple[str, ...]:
    asked = {policy.input_type, policy.output_type} - {TensorType.FLOAT32}
    integers = NEEDS_CALIBRATION | {Variant.AUTO}
    floats = [entry.value for entry in policy.variants if entry not in integers]
    if not asked or not floats:
        return ()
    note = (
        f"input_type and output_type hold for integer variants; {', '.join(floats)} keep the "
        "source's types."
    )
    return (note,)


def _operators(policy: Policy) -> tuple[str, ...]:
    if FLOAT_SETS & set(policy.ops):
        return ()
    return (
        "ops holds no operators on floats; variants that compute in float use TFLITE_BUILTINS.",
    )
