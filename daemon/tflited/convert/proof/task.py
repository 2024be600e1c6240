"""The labelled samples that accuracy is judged on, and the figures of source and variants there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.data import samples
from tflited.convert.data.checks import rows_of
from tflited.convert.data.sample_set import Samples
from tflited.convert.opening.source import Signature, Source
from tflited.convert.proof import accuracy, labels
from tflited.convert.proof.run import outputs_of
from tflited.convert.tflite.flatbuffer import qualified
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import TensorSpec
from tflited.domain.policy import Evaluation, Metric
from tflited.errors import ConversionError

BATCH: Final = 64
"""Samples of one call of the source where its batch is dynamic."""
_BATCH_BYTES: Final = 32 * 2**20
_BATCH_TOLERANCE: Final = 1e-3
"""A sample's output in a batch may differ from its output alone by rounding only."""
_EXAMPLES: Final = 8
"""Outputs that are listed in a message."""
_NO_DATA: Final = (
    "add labelled data (.npz files with labels y, class folders of images or sound, or TFRecord "
    "files: docs/data.md) and name it in evaluation.data"
)
_NO_SAMPLES: Final = Samples()
_NONE: Final = np.zeros(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What accuracy is judged on: labelled samples and how well the source does on them.

    Attributes:
        rules: metric and budget.
        title: the judged output's name in reports.
        signature: the signature that gives it.
        output: its name there.
        inputs: what that signature takes.
        shape: of the judged output, without the batch.
        found: the samples.
        targets: their labels.
        source: figures of ``accuracy.rows`` for the source.
        classes: names of the classes, where the data tells them.
        trouble: why nothing can be judged; empty when it can.
        hint: what to do about that.
    """

    rules: Evaluation
    title: str = ""
    signature: str = ""
    output: str = ""
    inputs: tuple[TensorSpec, ...] = ()
    shape: tuple[int, ...] = ()
    found: Samples = _NO_SAMPLES
    targets: Array = field(default_factory=lambda: _NONE)
    source: Array = field(default_factory=lambda: _NONE)
    classes: tuple[str, ...] = ()
    trouble: str = ""
    hint: str = ""


def task(request: AttemptRequest, source: Source) -> Task | None:
    """Reads the labelled data and runs the source on it.

    Args:
        request: names the metric and the files.
        source: the loaded model.

    Returns:
        The task, with ``trouble`` where the data cannot be used; None where no metric is asked.
    """
    rules = request.policy.evaluation
    if rules.metric is None:
        return None
    try:
        return _measured(request, source, rules, rules.metric)
    except ConversionError as error:
        return Task(rules=rules, trouble=error.message.rstrip("."), hint=error.hint)


def figures_of_variant(content: bytes, asked: Task, metric: Metric, *, threads: int) -> Array:
    """Figures of ``accuracy.rows`` for a file, on the task's samples in their order.

    Args:
        content: the flatbuffer.
        asked: the task, without trouble.
        metric: which.
        threads: processor threads to use.

    Raises:
        ConversionError: the file does not run on a sample, or its output does not fit the labels.
    """
    runs = outputs_of(content, asked.signature, _singles(asked.found), threads=threads)
    return _collected((_named(made, asked.output) for made in runs), asked.targets, metric)


def asked_again(known: Task, request: AttemptRequest) -> Task:
    """A task with its samples and labels read anew; the source is not asked.

    Args:
        known: what was judged, and the source's figures; without samples and labels.
        request: names the metric and the files.

    Returns:
        The task, with ``trouble`` where the data cannot be used any more.
    """
    try:
        found = _samples(request, known.inputs)
        labelled = labels.read(request.evaluation, found)
        metric = known.rules.metric or Metric.TOP1
        targets = labels.targets(metric, labelled, found, known.shape)
    except ConversionError as error:
        return Task(rules=known.rules, trouble=error.message.rstrip("."), hint=error.hint)
    if len(known.source) != len(targets):
        return Task(rules=known.rules, trouble="the source's figures are of other samples")
    return replace(known, found=found, targets=targets, classes=labelled.classes)


def _samples(request: AttemptRequest, inputs: Sequence[TensorSpec]) -> Samples:
    limit = max(request.policy.evaluation.samples // rows_of(inputs[0]), 1)
    return samples.read(request.evaluation, inputs, limit=limit, rules=request.policy.preprocess)


def _measured(request: AttemptRequest, source: Source, rules: Evaluation, metric: Metric) -> Task:
    if not request.evaluation:
        raise ConversionError(
            f"evaluation.metric is {metric}, and evaluation.data names no file that exists"
            f"{f': {rules.data}' if rules.data else ''}.",
            hint=_NO_DATA,
            code="data",
        )
    title, signature, output = _judged_output(rules.output, source)
    found = _samples(request, signature.inputs)
    if found.labels is None and any(spec.name == labels.KEY for spec in signature.inputs):
        raise ConversionError(
            f"An input of the model is called {labels.KEY!r}, as the labels are.",
            hint="give the model's input another name",
            code="data",
        )
    known = labels.read(request.evaluation, found)
    first = _alone(signature, output, found)
    targets = labels.targets(metric, known, found, first.shape[1:])
    figures = _figures_of_source(signature, output, found, targets, metric)
    return Task(
        rules=rules,
        title=title,
        signature=signature.name,
        output=output,
        inputs=signature.inputs,
        shape=first.shape[1:],
        found=found,
        targets=targets,
        source=figures,
        classes=known.classes,
    )


def _judged_output(asked: str, source: Source) -> tuple[str, Signature, str]:
    count = len(source.signatures)
    outputs = {
        qualified(entry.name, spec.name, count): (entry, spec.name)
        for entry in source.signatures
        for spec in entry.outputs
    }
    name = next(iter(outputs)) if not asked and len(outputs) == 1 else asked
    if name in outputs:
        return name, *outputs[name]
    listed = ", ".join(map(repr, list(outputs)[:_EXAMPLES]))
    observed = f"evaluation.output names {asked!r}" if asked else f"{len(outputs)} outputs"
    raise ConversionError(
        f"Which output the labels belong to is not known: {observed}; allowed: one of {listed}.",
        hint=f'set output = "{next(iter(outputs))}" (or another of them) in [evaluation]',
        code="data",
    )


def _alone(signature: Signature, output: str, found: Samples) -> Array:
    """The source's output for the first sample, which shows what the labels must be."""
    sample = found[0]
    rows = _rows_in(sample)
    made = signature.run(sample)[output]
    if made.ndim == 0 or len(made) != rows or made.dtype.kind not in "biuf":
        raise ConversionError(
            f"Output {output!r} has shape {list(made.shape)} and type {made.dtype} for {rows} "
            f"samples; allowed: numbers of shape [{rows}, ...].",
            hint="name an output with a batch dimension in evaluation.output",
            code="data",
        )
    return made


def _figures_of_source(
    signature: Signature, output: str, found: Samples, targets: Array, metric: Metric
) -> Array:
    can_batch = all(spec.shape[:1] == (-1,) for spec in signature.inputs)
    if can_batch and not _batches_well(signature, output, found):
        can_batch = False
    made = (
        signature.run(inputs)[output]
        for inputs in (_batches(found) if can_batch else _singles(found))
    )
    figures = _collected(made, targets, metric, check=_probabilities(output, metric))
    unusable = int(np.isnan(figures).sum())
    if unusable:
        raise ConversionError(
            f"The source itself gives no finite {output!r} for {unusable} of {len(figures)} "
            "samples.",
            hint="take these samples out of evaluation.data, or mend the model",
            code="data",
        )
    return figures


def _named(outputs: Mapping[str, Array], name: str) -> Array:
    if name in outputs:
        return outputs[name]
    raise ConversionError(
        f"The file has no output {name!r}; it has {', '.join(map(repr, outputs))}.",
        hint="report the model: signature names must survive conversion",
        code="signature_lost",
    )


def _collected(
    made: Iterator[Array],
    targets: Array,
    metric: Metric,
    check: Callable[[Array], None] = lambda _: None,
) -> Array:
    """Figures of one output after the other, so that large outputs are not kept."""
    parts: list[Array] = []
    place = 0
    for outputs in made:
        check(outputs)
        wanted = targets[place : place + len(outputs)]
        if len(wanted) != len(outputs) or not _fit(metric, outputs, wanted):
            raise ConversionError(
                f"An output of shape {list(outputs.shape)} does not go with its labels.",
                hint="set input_shape in the policy, so that every sample gives the same shape",
                code="output_shape",
            )
        parts.append(accuracy.rows(metric, outputs, wanted))
        place += len(outputs)
    return np.concatenate(parts)


def _fit(metric: Metric, outputs: Array, wanted: Array) -> bool:
    if metric in accuracy.ERRORS:
        return prod(outputs.shape) == prod(wanted.shape)
    width = prod(outputs.shape[1:])
    return metric is Metric.AUC or width == 1 or int(wanted.max()) < width


def _probabilities(output: str, metric: Metric) -> Callable[[Array], None]:
    def check(outputs: Array) -> None:
        if metric is not Metric.TOP1 or prod(outputs.shape[1:]) != 1:
            return
        low, high = float(outputs.min()), float(outputs.max())
        if low < 0.0 or high > 1.0:
            raise ConversionError(
                f"{output!r} is one score from {low:.3g} to {high:.3g}; allowed for top1: "
                "probabilities from 0 to 1.",
                hint='end the model with a sigmoid, or set metric = "auc" in [evaluation]',
                code="data",
            )

    return check


def _batches_well(signature: Signature, output: str, found: Samples) -> bool:
    """Whether a sample is answered in a batch as it is alone; some models mix their batch."""
    batch = next(_batches(found))
    together = signature.run(batch)[output]
    rows = _rows_in(batch)
    if together.ndim == 0 or len(together) != rows:
        return False
    for place in (0, rows - 1):
        alone = signature.run(found[place])[output][0]
        if alone.shape != together[place].shape or not np.allclose(
            alone, together[place], rtol=_BATCH_TOLERANCE, atol=_BATCH_TOLERANCE, equal_nan=True
        ):
            return False
    return True


def _batches(found: Samples) -> Iterator[dict[str, Array]]:
    """Samples of one file together, in their order; each has one row."""
    size = max(1, min(BATCH, _BATCH_BYTES // max(sum(a.nbytes for a in found[0].values()), 1)))
    waiting: list[dict[str, Array]] = []
    file = -1
    for index, (number, _) in enumerate(found.indices):
        if waiting and (number != file or len(waiting) == size):
            yield _together(waiting)
            waiting = []
        file = number
        waiting.append(found[index])
    yield _together(waiting)


def _together(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _singles(found: Samples) -> Iterator[dict[str, Array]]:
    return (found[index] for index in range(len(found)))


def _rows_in(inputs: Mapping[str, Array]) -> int:
    first = next(iter(inputs.values()))
    return len(first) if first.ndim else 1
