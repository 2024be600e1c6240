"""What is refused of labels, and by which words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflited.convert.data import samples
from tflited.convert.proof import labels
from tflited.domain.figures import TensorSpec
from tflited.domain.policy import Metric
from tflited.errors import ConversionError

INPUT = TensorSpec(index=0, name="x", shape=(-1, 2), dtype="float32")
Targets = Callable[..., Any]


@pytest.fixture
def targets(tmp_path: Path) -> Targets:
    """The targets of files with three samples each, made of the labels given."""

    def found(
        metric: Metric,
        *parts: Any,
        shape: tuple[int, ...] = (3,),
        spec: TensorSpec = INPUT,
        n: int = 3,
    ) -> Any:
        files = []
        for number, part in enumerate(parts):
            files.append(str(tmp_path / f"{number}.npz"))
            arrays: Any = {} if part is None else {"y": np.asarray(part)}
            np.savez(files[-1], **arrays, x=np.zeros((n, 2), "f4"))
        read = samples.read(files, (spec,), limit=100)
        return labels.targets(metric, labels.read(files, read), read, shape)

    return found


def refusal(targets: Targets, *arguments: Any, **options: Any) -> str:
    with pytest.raises(ConversionError) as caught:
        targets(*arguments, **options)
    assert caught.value.code == "data"
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    "given",
    [[0, 2, 1], [[0], [2], [1]], [0.0, 2.0, 1.0], [[1, 0, 0], [0, 0, 1], [0, 1, 0]]],
    ids=["numbers", "column", "floats", "one-hot"],
)
def test_classes_come_as_numbers_or_one_hot(targets: Targets, given: Any) -> None:
    """Both are in common use, and whole floats are what text files give."""
    assert targets(Metric.TOP1, given).tolist() == [0, 2, 1]


def test_files_follow_each_other(targets: Targets) -> None:
    """Labels keep the order of their samples over all files."""
    assert targets(Metric.TOP1, [0, 1, 2], [2, 1, 0]).tolist() == [0, 1, 2, 2, 1, 0]


def test_labels_follow_a_fixed_batch(targets: Targets) -> None:
    """A model of batch 2 takes two rows at a time; the label of the row left over is not used."""
    fixed = TensorSpec(index=0, name="x", shape=(2, 2), dtype="float32")
    assert targets(Metric.TOP1, [0, 1, 2, 1, 0], spec=fixed, n=5).tolist() == [0, 1, 2, 1]


def test_true_and_false_are_classes(targets: Targets) -> None:
    """Labels of two classes are often booleans."""
    assert targets(Metric.AUC, [True, False, True], shape=(1,)).tolist() == [1, 0, 1]


@pytest.mark.parametrize("shape", [(), (1,), (4,)])
def test_errors_take_the_outputs_shape(targets: Targets, shape: tuple[int, ...]) -> None:
    """One value may stand without its last axis."""
    assert targets(Metric.MAE, np.ones((3, *shape)), shape=shape).shape == (3, *shape)
    assert targets(Metric.RMSE, np.ones(3), shape=(1,)).shape == (3, 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "0.npz: holds x; allowed: labels as 'y' too"),
        ([0, 1], "0.npz: y: 2 labels; allowed: 3"),
        ([0, 1, 2, 0], "0.npz: y: 4 labels; allowed: 3"),
        (5, "0.npz: y: 1 labels; allowed: 3"),
        ([0, np.nan, 1], "0.npz: y: 1 of 3 values are NaN"),
        ([0, np.inf, 1], "0.npz: y: 1 of 3 values are NaN or infinite"),
        (["a", "b", "c"], "0.npz: y: element type <U1"),
        ([0, 0.5, 1], "0.npz: y: 0.5 among the classes"),
        ([0, 3, 1], "0.npz: y: classes from 0 to 3; allowed: 0 to 2"),
        ([-1, 0, 1], "0.npz: y: classes from -1 to 1"),
        ([[1, 0], [0, 1], [1, 0]], "0.npz: y: one-hot rows of 2; allowed: 3"),
        ([[1, 0, 0], [0, 1, 1], [0.2, 0.5, 0.3]], "0.npz: y: 2 rows that are not one-hot"),
        (np.zeros((3, 2, 3)), "0.npz: y: shape [3, 2, 3]"),
    ],
)
def test_what_is_no_class_is_refused(targets: Targets, given: Any, words: str) -> None:
    """By file and key, observed against allowed."""
    assert words in refusal(targets, Metric.TOP1, given)


def test_objects_are_not_unpickled(targets: Targets) -> None:
    """An object array would run code on loading."""
    message = refusal(targets, Metric.TOP1, np.array([{}, {}, {}], dtype=object))
    assert "0.npz: y: cannot be read" in message


def test_a_wrong_file_is_named_among_good_ones(targets: Targets) -> None:
    """The second file is at fault, not the first."""
    assert refusal(targets, Metric.TOP1, [0, 1, 2], [0, 9, 2]).startswith("1.npz: y")


def test_values_of_another_shape_are_refused(targets: Targets) -> None:
    """Broadcasting would compare every value with every other."""
    message = refusal(targets, Metric.MAE, np.ones((3, 2)), shape=(4,))
    assert "shape [3, 2]; allowed: [n, 4]" in message


def test_one_class_alone_ranks_nothing(targets: Targets) -> None:
    """The area under a curve needs both classes."""
    assert "only the class 1" in refusal(targets, Metric.AUC, [1, 1, 1], shape=(1,))


@pytest.mark.parametrize(
    ("metric", "shape"),
    [(Metric.TOP5, (5,)), (Metric.TOP1, (4, 7)), (Metric.AUC, (3,)), (Metric.TOP5, (1,))],
)
def test_an_output_that_has_no_such_metric_is_refused(
    targets: Targets, metric: Metric, shape: tuple[int, ...]
) -> None:
    """Five of five classes are always right; a map of classes is no class."""
    message = refusal(targets, metric, [0, 1, 0], shape=shape)
    assert f"{metric} was asked of an output of shape" in message
