"""What must hold of a published tree: every set is of one generation, and of the one on disk."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from soak.tree import ABSENT, PARENTS, Slot
from tflited.assembly import STORE_NAME

WEIGHTS: Final = "weights"
GRAPH: Final = "graph"


def generations(content: bytes) -> tuple[float, float]:
    """What the weights and what the graph of a published file say of their generation."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    runner = interpreter.get_signature_runner()
    width = next(iter(runner.get_input_details().values()))["shape"]
    answers = runner(x=np.ones(width, np.float32))
    return float(answers[WEIGHTS].flat[0]), float(answers[GRAPH].flat[0])


def published(folder: Path) -> Iterator[tuple[Path, dict[str, Any], bytes]]:
    """Every set below a folder: its place, its manifest and its float32 file."""
    for manifest in sorted(folder.glob("*/*/manifest.json")):
        found = json.loads(manifest.read_text())
        file = next(manifest.parent.glob("float32/*.tflite"))
        yield manifest.parent, found, file.read_bytes()


def mixtures(folder: Path, digests: dict[int, str]) -> list[str]:
    """The sets whose parts are of several generations, or of another one than they say."""
    wrong = []
    for place, manifest, content in published(folder):
        weights, graph = generations(content)
        digest = digests.get(round(weights))
        if weights != graph or manifest["model_digest"] != digest:
            wrong.append(f"{place}: weights {weights}, graph {graph}, {manifest['model_digest']}")
    return wrong


def late(slots: Iterable[Slot], folder: Path, digests: dict[int, str]) -> list[str]:
    """The models that are whole on disk and not published as they are."""
    wrong = []
    for slot in slots:
        if slot.generation <= ABSENT:
            continue
        manifest = folder / slot.path / "manifest.json"
        if not manifest.exists():
            wrong.append(f"{slot.path}: generation {slot.generation} is not published")
            continue
        observed = json.loads(manifest.read_text())["model_digest"]
        if observed != digests[slot.generation]:
            wrong.append(f"{slot.path}: {observed[:12]} is published, {slot.generation} on disk")
    return wrong


def settled_states(slots: Iterable[Slot], rest_seconds: float, end: float) -> int:
    """How many states asked for a build: whole, at rest, and other than the last such one."""
    count = 0
    for slot in slots:
        last = dict.fromkeys(PARENTS, ABSENT)
        ends = [began for began, _, _ in slot.states[1:]] + [end]
        for (began, parent, generation), over in zip(slot.states, ends, strict=True):
            if generation > ABSENT and over - began >= rest_seconds:
                count += generation != last[parent]
                last[parent] = generation
    return count


def attempts(state: Path) -> int:
    """Every attempt that the job store knows of."""
    with closing(sqlite3.connect(f"file:{state / STORE_NAME}?mode=ro", uri=True)) as store:
        return int(store.execute("SELECT coalesce(sum(attempts), 0) FROM jobs").fetchone()[0])
