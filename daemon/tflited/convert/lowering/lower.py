"""Lowers a source to its float32 flatbuffer: which ways are tried, in which order.

Two ways lead down. The fast one freezes the loaded signature in memory (frozen.py); the public one
is ``tf.lite.TFLiteConverter`` over a SavedModel, slower, and the one that tells the source line of
an operator that it cannot convert.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import tensorflow as tf

from tflited.convert.faults.foreign import FOREIGN, explained
from tflited.convert.faults.hints import TENSOR_LIST
from tflited.convert.internals import UnfitError
from tflited.convert.lowering.frozen import Frozen, FrozenConverter, freeze
from tflited.convert.opening.source import Source, saved, with_shapes
from tflited.convert.tflite.layout import Contract, laid_out
from tflited.convert.tflite.repair import without_cell_clip
from tflited.domain.policy import OperatorSet
from tflited.domain.report import Lowering, LoweringAttempt, LoweringPath
from tflited.errors import ConversionError

FLOAT_SETS: Final = frozenset({OperatorSet.TFLITE_BUILTINS, OperatorSet.SELECT_TF_OPS})
_COSTS: Final = {
    LoweringAttempt.AS_IS: "",
    LoweringAttempt.SINGLE_BATCH: "the device computes one sample for each invocation",
    LoweringAttempt.SELECT_OPERATORS: "the device needs the Flex delegate, some megabytes of "
    "TensorFlow, and runs the recurrent loops there",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """The float32 flatbuffer and what was needed to get it.

    Attributes:
        source: what was lowered; with a fixed batch where the model needed one.
        content: the flatbuffer, laid out.
        how: the way and the attempt that gave it.
        frozen: the graph of the fast way; None after the public one.
    """

    source: Source
    content: bytes
    how: Lowering
    frozen: Frozen | None = None

    @property
    def contract(self) -> Contract | None:
        """The signature that files compiled from the frozen graph lack."""
        if self.frozen is None:
            return None
        return Contract(
            signature=self.frozen.signature,
            inputs=self.frozen.input_names,
            outputs=self.frozen.output_names,
        )

    def named(self, content: bytes) -> bytes:
        """A file that was compiled from the same graph, with the signature that it lacks."""
        return content if self.frozen is None else laid_out(content, self.contract)

    def converter(self, operators: Collection[str]) -> Any:
        """TensorFlow's converter over the same graph, ready for more settings and ``convert()``.

        Args:
            operators: the sets it may use, by TensorFlow's names.
        """
        if self.frozen is None:
            return self.public_converter(operators)
        return _configured(FrozenConverter(self.frozen), operators, self.how.attempt)

    def public_converter(self, operators: Collection[str]) -> Any:
        """``tf.lite.TFLiteConverter`` over the source's SavedModel, which is written if need be.

        Args:
            operators: the sets it may use, by TensorFlow's names.
        """
        return _configured(_public(saved(self.source)), operators, self.how.attempt)


def lower(
    source: Source,
    operators: Collection[OperatorSet],
    scratch: Path,
    *,
    is_public_only: bool = False,
) -> Lowered:
    """The float32 flatbuffer of a source.

    A recurrent layer with a dynamic batch cannot be lowered to builtins: such a model is tried
    again with batch 1, then with its loops left to select operators where the policy allows them.

    Args:
        source: the loaded model.
        operators: the policy's ``ops``.
        scratch: takes a SavedModel where the public way needs one.
        is_public_only: leaves the fast way out, because what it gave was wrong.

    Raises:
        ConversionError: the model cannot be lowered.
    """
    allowed = (FLOAT_SETS & set(operators)) or {OperatorSet.TFLITE_BUILTINS}
    names = tuple(sorted(name.value for name in allowed))
    attempts: list[tuple[LoweringAttempt, Callable[[], Source]]] = [
        (LoweringAttempt.AS_IS, lambda: source),
        (LoweringAttempt.SINGLE_BATCH, lambda: _single_batch(source, scratch / "single_batch")),
    ]
    if OperatorSet.SELECT_TF_OPS in allowed:
        attempts.append((LoweringAttempt.SELECT_OPERATORS, lambda: source))
    failure: ConversionError | None = None
    for attempt, shaped in attempts:
        try:
            return _lowered(shaped(), names, attempt, is_public_only=is_public_only)
        except ConversionError as error:
            failure = error
            if error.code != TENSOR_LIST.code:
                break
    raise failure or AssertionError("there is an attempt")


def _lowered(
    source: Source, operators: Collection[str], attempt: LoweringAttempt, *, is_public_only: bool
) -> Lowered:
    reason = "the fast way gave other numbers than the source"
    if not is_public_only:
        try:
            return _frozen(source, operators, attempt)
        except UnfitError as error:
            reason = str(error)
    return _publicly(source, operators, attempt, reason)


def _frozen(source: Source, operators: Collection[str], attempt: LoweringAttempt) -> Lowered:
    """The fast way.

    Raises:
        UnfitError: it does not lead down; the public way tells whether there is one.
        ConversionError: a recurrent layer needs a fixed batch; the public way would say the same.
    """
    if len(source.signatures) != 1:
        raise UnfitError("the model has several signatures")
    lowered = Lowered(
        source=source,
        content=b"",
        how=_how(LoweringPath.FROZEN_GRAPH, attempt),
        frozen=freeze(source.signatures[0]),
    )
    try:
        with explained("Lowering the model to float32"):
            return _finished(lowered, bytes(lowered.converter(operators).convert()))
    except ConversionError as error:
        if error.code == TENSOR_LIST.code:
            raise
        raise UnfitError(f"the fast way failed with {error.code}") from error


def _publicly(
    source: Source, operators: Collection[str], attempt: LoweringAttempt, reason: str
) -> Lowered:
    with explained("Lowering the model to float32", scratch=str(source.directory)):
        source = saved(source)
        lowered = Lowered(
            source=source, content=b"", how=_how(LoweringPath.PUBLIC_API, attempt, reason)
        )
        return _finished(lowered, bytes(lowered.converter(operators).convert()))


def _finished(lowered: Lowered, converted: bytes) -> Lowered:
    repaired = without_cell_clip(converted)
    source = lowered.source
    if repaired != converted:
        source = source.noted(
            "The converter limits LSTM cell states to 10, which the source does not: the limit was "
            "taken out."
        )
    try:
        content = laid_out(repaired, lowered.contract)
    except FOREIGN as error:
        if lowered.frozen is None:
            raise
        raise UnfitError(f"the file does not fit its signature: {error}") from error
    return replace(lowered, source=source, content=content)


def _how(path: LoweringPath, attempt: LoweringAttempt, reason: str = "") -> Lowering:
    return Lowering(path=path, attempt=attempt, reason=reason, cost=_COSTS[attempt])


def _public(source: Source) -> Any:
    return tf.lite.TFLiteConverter.from_saved_model(
        str(source.directory),
        signature_keys=[entry.name for entry in source.signatures],
        tags=set(source.tags),
    )


def _configured(made: Any, operators: Collection[str], attempt: LoweringAttempt) -> Any:
    made.target_spec.supported_ops = [tf.lite.OpsSet[name] for name in sorted(operators)]
    if attempt is LoweringAttempt.SELECT_OPERATORS:
        made._experimental_lower_tensor_list_ops = False  # noqa: SLF001 - has no public name
    return made


def _single_batch(source: Source, directory: Path) -> Source:
    shapes = {
        spec.name: (1, *spec.shape[1:])
        for entry in source.signatures
        for spec in entry.inputs
        if spec.shape and spec.shape[0] == -1
    }
    if not shapes:
        return source
    return with_shapes(source, shapes, directory).noted(
        "A recurrent layer needs a fixed batch: the model was lowered with batch size 1."
    )
