"""Which kinds of operators a traced graph holds, those of its functions included."""

from collections.abc import Iterator
from typing import Any


def operators_of(graph: Any) -> Iterator[str]:
    """The kind of every operator of a traced graph.

    Args:
        graph: TensorFlow's ``Graph``.
    """
    return operators_in(graph.as_graph_def())


def operators_in(definition: Any) -> Iterator[str]:
    """The kind of every operator of a ``GraphDef``."""
    yield from (node.op for node in definition.node)
    for function in definition.library.function:
        yield from (node.op for node in function.node_def)
