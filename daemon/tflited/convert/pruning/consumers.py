"""Tells of the weights of a TensorFlow graph which operators read them: what kind each is.

A weight is followed forward from where it enters the graph, through what only passes it on and into
the functions and loops that take it, to the operators that compute with it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tflited.domain.policy import LayerKind

_PASSING: Final = frozenset(
    {
        "Cast",
        "EnsureShape",
        "Enter",
        "ExpandDims",
        "FakeQuantWithMinMaxArgs",
        "FakeQuantWithMinMaxVars",
        "FakeQuantWithMinMaxVarsPerChannel",
        "Identity",
        "QuantizeAndDequantizeV2",
        "QuantizeAndDequantizeV4",
        "ReadVariableOp",
        "Reshape",
        "Squeeze",
        "StopGradient",
        "Transpose",
    }
)
"""Operators whose first input comes out with its zeros where they were, or rounded or reordered."""
_READING: Final[Mapping[str, tuple[LayerKind, tuple[int, ...]]]] = {
    "MatMul": (LayerKind.DENSE, (0, 1)),
    "BatchMatMul": (LayerKind.DENSE, (0, 1)),
    "BatchMatMulV2": (LayerKind.DENSE, (0, 1)),
    "BatchMatMulV3": (LayerKind.DENSE, (0, 1)),
    "Einsum": (LayerKind.DENSE, (0, 1)),
    "Conv2D": (LayerKind.CONV, (1,)),
    "Conv2DBackpropInput": (LayerKind.CONV, (1,)),
    "Conv3D": (LayerKind.CONV, (1,)),
    "Conv3DBackpropInputV2": (LayerKind.CONV, (1,)),
    "DepthwiseConv2dNative": (LayerKind.DEPTHWISE, (1,)),
    "Gather": (LayerKind.EMBEDDING, (0,)),
    "GatherV2": (LayerKind.EMBEDDING, (0,)),
    "ResourceGather": (LayerKind.EMBEDDING, (0,)),
}
"""Operator to what its weight is, and the inputs that can be one."""
_CALLS: Final = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_LOOPS: Final = frozenset({"While", "StatelessWhile"})
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "If": ("then_branch", "else_branch"),
    "StatelessIf": ("then_branch", "else_branch"),
}
_ENTER: Final = "Enter"
"""Where the loops of TensorFlow 1 begin, in the graph itself."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """The nodes of a graph or of a function, by the name of what they read."""

    readers: Mapping[str, list[tuple[Any, int]]]

    @classmethod
    def of(cls, nodes: Collection[Any]) -> "_Scope":
        readers: dict[str, list[tuple[Any, int]]] = {}
        for node in nodes:
            for index, name in enumerate(node.input):
                if not name.startswith("^"):
                    readers.setdefault(name.partition(":")[0], []).append((node, index))
        return cls(readers)


class Consumers:
    """Answers for the weights of one graph.

    Args:
        definition: a GraphDef with its library.
    """

    def __init__(self, definition: Any) -> None:
        self._functions = {entry.signature.name: entry for entry in definition.library.function}
        self._scopes: dict[str, _Scope] = {"": _Scope.of(definition.node)}

    def kinds(self, name: str, function: str = "") -> frozenset[LayerKind]:
        """What a weight is to all that read it; empty where nothing multiplies by it.

        Args:
            name: of the node or the argument that gives the weight.
            function: of the library, where the node is inside one; empty for the graph itself.
        """
        return frozenset(self._followed(function, name, seen=set(), is_in_loop=False))

    def _scope(self, function: str) -> _Scope:
        if function not in self._scopes:
            self._scopes[function] = _Scope.of(self._functions[function].node_def)
        return self._scopes[function]

    def _followed(
        self, function: str, name: str, *, seen: set[tuple[str, str, bool]], is_in_loop: bool
    ) -> Iterator[LayerKind]:
        if (function, name, is_in_loop) in seen:
            return
        seen.add((function, name, is_in_loop))
        for node, index in self._scope(function).readers.get(name, ()):
            yield from _read(node, index, is_in_loop=is_in_loop)
            enters = is_in_loop or node.op == _ENTER
            if node.op in _PASSING and index == 0:
                yield from self._followed(function, node.name, seen=seen, is_in_loop=enters)
            for inner, argument in self._entered(node, index):
                enters = is_in_loop or node.op in _LOOPS
                yield from self._followed(inner, argument, seen=seen, is_in_loop=enters)

    def _entered(self, node: Any, index: int) -> Iterator[tuple[str, str]]:
        """The functions that take an input of a node, and their name for it."""
        names: list[str] = []
        if node.op in _CALLS:
            names = [node.attr["f"].func.name]
        elif node.op in _LOOPS:
            names = [node.attr["body"].func.name]
        elif node.op in _CHOICES:
            names = [node.attr[key].func.name for key in _CHOICES[node.op]]
            index -= 1
        for name in names:
            arguments = self._functions[name].signature.input_arg if name in self._functions else ()
            if 0 <= index < len(arguments):
                yield name, arguments[index].name


def _read(node: Any, index: int, *, is_in_loop: bool) -> Iterator[LayerKind]:
    kind, places = _READING.get(node.op, (LayerKind.DENSE, ()))
    if index in places:
        is_recurrent = is_in_loop and kind is not LayerKind.EMBEDDING
        yield LayerKind.RECURRENT if is_recurrent else kind
