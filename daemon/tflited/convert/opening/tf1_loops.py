"""Loops of TensorFlow 1 that are themselves an output: the converter loses their last node.

It turns the loop into a function and then looks for the loop's Exit by name. A node behind the Exit
keeps the output reachable; everything else of such a SavedModel converts as it is.
"""

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from tflited.convert.opening.source import Source

_EXITS: Final = frozenset({"Exit", "RefExit"})


def with_kept_exits(source: Source, definition: Any, scratch: Path) -> Source:
    """The source over a SavedModel in which no output is a loop's Exit.

    Args:
        source: a SavedModel with signatures.
        definition: its parsed ``saved_model.pb``; is changed.
        scratch: where the changed one goes where needed; must not exist.

    Returns:
        The same source where it has no such output.
    """
    names = {entry.name for entry in source.signatures}
    graph = next(
        entry
        for entry in definition.meta_graphs
        if set(entry.meta_info_def.tags) == set(source.tags)
    )
    if not _redirected(graph, names):
        return source
    scratch.mkdir()
    (scratch / "saved_model.pb").write_bytes(definition.SerializeToString())
    for folder in source.directory.iterdir():
        if folder.is_dir():
            _copy(folder, scratch / folder.name)
    return source.over(scratch)


def _copy(folder: Path, destination: Path) -> None:
    """Contents alone: a confined child can neither link nor change modes."""
    destination.mkdir()
    for entry in folder.iterdir():
        if entry.is_dir():
            _copy(entry, destination / entry.name)
        else:
            shutil.copyfile(entry, destination / entry.name)


def _redirected(graph: Any, names: Collection[str]) -> bool:
    """Puts a node behind each Exit that is an output; tells whether there was one."""
    nodes = {node.name: node for node in graph.graph_def.node}
    count = 0
    for name in sorted(names):  # as the maps below, for the same bytes in every process
        outputs = graph.signature_def[name].outputs
        for output in (outputs[key] for key in sorted(outputs)):
            node = nodes.get(output.name.partition(":")[0])
            if node is not None and node.op in _EXITS:
                kept = graph.graph_def.node.add(op="Identity", name=f"tflited_output_{count}")
                kept.input.append(node.name)
                kept.attr["T"].CopyFrom(node.attr["T"])
                output.name = f"{kept.name}:0"
                count += 1
    return count > 0
