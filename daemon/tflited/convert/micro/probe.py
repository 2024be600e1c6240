"""The process that runs TFLM's interpreter, which ends the process where an arena is too small.

    python -m tflited.convert.micro.probe MODEL INPUTS

A JSON object on each line asks for a run of the first ``samples`` in an arena of ``arena`` bytes,
for the ``output_count`` outputs of each in the file ``outputs``, and with ``is_printing`` for
TFLM's account of the arena; ``{"ok": true}`` or ``{"error": text}`` answers. INPUTS and ``outputs``
are ``.npz`` files with names like ``SAMPLE_INDEX``. TFLM's own words go to standard error. Imports
neither tensorflow nor LiteRT: it starts in a quarter of a second.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from tflite_micro import runtime

_STDOUT: Final = 1
_STDERR: Final = 2


def main(model: str, inputs: str) -> None:
    """Answers until standard input ends.

    Args:
        model: path of the flatbuffer.
        inputs: path of the samples.
    """
    # The interpreter is native code: whatever it prints must not be read as an answer.
    answers = os.fdopen(os.dup(_STDOUT), "wb")
    os.dup2(_STDERR, _STDOUT)
    content = Path(model).read_bytes()
    with np.load(inputs) as file:
        samples = _samples(file)
    for line in sys.stdin.buffer:
        _say(answers, _answer(content, samples, json.loads(line)))


def _samples(file: Mapping[str, Any]) -> list[dict[int, Any]]:
    found: dict[int, dict[int, Any]] = {}
    for name in file:
        sample, index = map(int, name.split("_"))
        found.setdefault(sample, {})[index] = file[name]
    return [found[number] for number in sorted(found)]


def _say(answers: BinaryIO, answer: Mapping[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def _answer(
    content: bytes, samples: list[dict[int, Any]], question: Mapping[str, Any]
) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    try:
        for number, inputs in enumerate(samples[: question["samples"]]):
            # A fresh interpreter for each, as in convert/proof/run.py: some models keep state.
            interpreter = runtime.Interpreter.from_bytes(content, arena_size=question["arena"])
            for index, value in inputs.items():
                interpreter.set_input(value, index)
            interpreter.invoke()
            for index in range(question["output_count"]):
                outputs[f"{number}_{index}"] = interpreter.get_output(index)
        if question["is_printing"]:
            interpreter.print_allocations()
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        return {"error": str(error)}
    np.savez(question["outputs"], **outputs)
    return {"ok": True}


if __name__ == "__main__":
    main(*sys.argv[1:])
