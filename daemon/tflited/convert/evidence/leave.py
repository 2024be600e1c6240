"""Writes what a conversion stands on, for a proof that opens no model."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tflited.convert.arrays import Array
from tflited.convert.data.reference import Reference
from tflited.convert.evidence.arrays_file import Store, Stored, storing
from tflited.convert.evidence.document import (
    ARRAYS,
    BASELINE,
    DOCUMENT,
    FOLDER,
    NAME,
    Claim,
    Document,
    SignatureSpec,
    StoredPair,
    StoredPruning,
    StoredReference,
    StoredTask,
)
from tflited.convert.proof.ground import Ground
from tflited.convert.proof.task import Task


def leave(scratch: Path, ground: Ground, baseline: bytes, claims: Sequence[Claim]) -> None:
    """Writes the evidence below the scratch folder.

    Args:
        scratch: the child's folder.
        ground: of the build.
        baseline: the float32 file, dense.
        claims: what is to be published.
    """
    folder = scratch / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / BASELINE).write_bytes(baseline)
    with (folder / ARRAYS).open("wb") as file:
        store = storing(file)
        pruning = ground.pruning
        document = Document(
            signatures=tuple(
                SignatureSpec(name=entry.name, inputs=entry.inputs, outputs=entry.outputs)
                for entry in ground.source.signatures
            ),
            is_training_aware=ground.source.is_training_aware,
            reference=_reference(ground.reference, store),
            task=None if ground.task is None else _task(ground.task, store),
            pruning=None
            if pruning is None
            else StoredPruning(
                weights=pruning.weights, original=_reference(pruning.original, store)
            ),
            claims=tuple(claims),
        )
    # Paths in a policy need be no Unicode: lone surrogates travel escaped, as in the request.
    plain = json.dumps(DOCUMENT.dump_python(document, mode="json"))
    (folder / NAME).write_text(plain, encoding="ascii")


def _reference(reference: Reference, store: Store) -> StoredReference:
    return StoredReference(
        origin=reference.origin,
        trouble=reference.trouble,
        pairs={
            name: tuple(
                StoredPair(inputs=_all(pair.inputs, store), outputs=_all(pair.outputs, store))
                for pair in pairs
            )
            for name, pairs in reference.pairs.items()
        },
    )


def _all(arrays: Mapping[str, Array], store: Store) -> dict[str, Stored]:
    return {name: store(array) for name, array in arrays.items()}


def _task(task: Task, store: Store) -> StoredTask:
    return StoredTask(
        title=task.title,
        signature=task.signature,
        output=task.output,
        inputs=task.inputs,
        shape=task.shape,
        source=store(task.source),
        trouble=task.trouble,
        hint=task.hint,
    )
