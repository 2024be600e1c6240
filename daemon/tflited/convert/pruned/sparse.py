"""Sparse encoding of a pruned file: taken where it is safe, smaller, and computes the same.

TensorFlow Lite unpacks such tensors with DENSIFY when a file is loaded; what reads the file without
looking for them, as TensorFlow Lite for Microcontrollers does, computes garbage and says nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tensorflow.lite.python import convert

from tflited.convert.data.reference import Pair
from tflited.convert.faults.foreign import explained
from tflited.convert.proof.fidelity import figures
from tflited.convert.proof.run import compare_all, outputs_of
from tflited.convert.tflite.flatbuffer import read
from tflited.convert.tflite.layout import laid_out
from tflited.domain.figures import Check, CheckResult
from tflited.domain.policy import Policy, SparseEncoding, Target
from tflited.errors import ConversionError

TOLERANCE: Final = 1e-5
"""Of the output's range; the same weights are multiplied, at most in another order."""
SAFE_TYPES: Final = frozenset(
    {"float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"}
)
"""Element types of constants that the encoder knows; on 4-bit ones it aborts the whole process."""
_SAMPLES: Final = 4
"""Compared with the dense file; the proof of the chosen one follows on all."""
_HINT: Final = 'set encoding = "auto" or "dense" in [prune]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The file to publish, and why it is in this form."""

    content: bytes
    check: Check


def encoded(
    content: bytes, policy: Policy, pairs: Mapping[str, Sequence[Pair]], *, threads: int
) -> Encoded:
    """A pruned file in the form that its policy asks for.

    Args:
        content: the file, dense.
        policy: ``prune.encoding``, ``target`` and ``c_array``.
        pairs: inputs that the forms are compared on, by signature.
        threads: processor threads to use.
    """
    asked = policy.prune.encoding
    if reason := _unasked(policy):
        return _dense(content, reason)
    made, reason = _made(content)
    if not reason and len(made) >= len(content) and asked is SparseEncoding.AUTO:
        reason = f"the sparse form has {len(made)} bytes, this one {len(content)}"
    if reason := reason or difference(content, made, pairs, threads=threads):
        return _refused(content, asked, reason)
    count = len(read(made).sparse_tensors)
    observed = f"{count} sparse tensors, {len(made)} bytes instead of {len(content)}"
    check = _check(CheckResult.PASSED, observed, "the numbers of the dense form")
    return Encoded(content=made, check=check)


def difference(
    dense: bytes, sparse: bytes, pairs: Mapping[str, Sequence[Pair]], *, threads: int
) -> str:
    """Why a sparse file cannot stand for the dense one; empty where it can.

    Args:
        dense: the file as it was proven.
        sparse: the file in question.
        pairs: inputs to run both on, by signature.
        threads: processor threads to use.
    """
    if not any(pairs.values()):
        return "there are no inputs to compare the sparse form on"
    try:
        expected = {
            name: [
                Pair(inputs=pair.inputs, outputs=made)
                for pair, made in zip(
                    entries[:_SAMPLES],
                    outputs_of(
                        dense, name, [pair.inputs for pair in entries[:_SAMPLES]], threads=threads
                    ),
                    strict=True,
                )
            ]
            for name, entries in pairs.items()
        }
        sums = compare_all(sparse, expected, threads=threads)
    except ConversionError as error:
        return f"LiteRT does not run the sparse form: {error.message.rstrip('.')}"
    for outputs in sums.values():
        for name, parts in outputs.items():
            error_ = figures(name, parts).relative_error
            mismatches = sum(part.non_finite_mismatches for part in parts)
            if mismatches or not error_ <= TOLERANCE:
                return (
                    f"{name!r} of the sparse form differs from the dense one's by {error_:.3g} of "
                    f"its range in {len(parts)} samples"
                )
    return ""


def _unasked(policy: Policy) -> str:
    """Why no sparse form is even tried; empty where it is."""
    if policy.prune.encoding is SparseEncoding.DENSE:
        return "the policy asks for it"
    if policy.target is not Target.CPU:
        return f"{policy.target} has no sparse tensors"
    if policy.prune.encoding is SparseEncoding.AUTO and policy.c_array.enabled:
        return (
            "c_array is enabled, and TensorFlow Lite for Microcontrollers would compute garbage on "
            "a sparse array"
        )
    return ""


def _made(content: bytes) -> tuple[bytes, str]:
    """The sparse form, and why there is none; on dense weights the encoder does nothing."""
    if unknown := {tensor.dtype for tensor in read(content).constants} - SAFE_TYPES:
        return b"", f"there is no sparse form of {', '.join(sorted(unknown))}"
    try:
        with explained("Encoding the pruned weights sparsely"):
            made = laid_out(bytes(convert.mlir_sparsify(content)))
    except ConversionError as error:
        return b"", error.message.rstrip(".")
    if not read(made).sparse_tensors:
        return b"", "no tensor has zeros enough for the sparse form"
    return made, ""


def _dense(content: bytes, reason: str) -> Encoded:
    count = len(read(content).sparse_tensors)
    result = CheckResult.FAILED if count else CheckResult.PASSED
    observed = f"{count} sparse tensors: {reason}"
    return Encoded(content=content, check=_check(result, observed, "none"))


def _refused(content: bytes, asked: SparseEncoding, reason: str) -> Encoded:
    """What ``auto`` leaves out is a fault where it was asked for."""
    if asked is SparseEncoding.AUTO:
        return _dense(content, reason)
    check = _check(CheckResult.FAILED, reason, "a sparse form with the same numbers")
    return Encoded(content=content, check=check)


def _check(result: CheckResult, observed: str, allowed: str) -> Check:
    hint = _HINT if result is CheckResult.FAILED else ""
    return Check(
        name="sparse_encoding", result=result, observed=observed, allowed=allowed, hint=hint
    )
