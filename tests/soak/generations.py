"""Makes SavedModels whose graph and whose weights both hold the number of their generation.

    python tests/soak/generations.py FOLDER COUNT

``FOLDER/7`` answers ``weights = 7 * x`` from a variable and ``graph = 7 * x`` from a constant.
Every generation has the same files, names and shapes, so that a mixture of two loads without an
error and shows in its answers alone.
"""

import sys
from pathlib import Path
from typing import Any, Final

import tensorflow as tf

WIDTH: Final = 8
ROWS: Final = 512


class Generation(tf.Module):  # type: ignore[misc]  # tensorflow has no types
    """A model that says twice of which generation it is."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = float(number)
        self.kept = tf.Variable(tf.fill([ROWS, WIDTH], self.number))

    @tf.function(  # type: ignore[untyped-decorator]  # tensorflow has no types
        input_signature=[tf.TensorSpec([1, WIDTH], tf.float32, name="x")]
    )
    def answer(self, x: Any) -> dict[str, Any]:
        """Both numbers times ``x``; the mean reads every weight."""
        weights = tf.reduce_mean(self.kept, axis=0, keepdims=True)
        return {"weights": x * weights, "graph": x * tf.constant(self.number)}


def make(folder: Path, count: int) -> None:
    """Writes the generations 1 to ``count``."""
    for number in range(1, count + 1):
        model = Generation(number)
        tf.saved_model.save(model, str(folder / str(number)), signatures=model.answer)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
