"""Finds which root and model a path in a trigger or a question means."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tflited.domain.model import ModelId
from tflited.domain.ports import Root


@dataclass(frozen=True, slots=True)
class Place:
    """A path below a root; "" is the root itself."""

    root: Root
    path: str


def places(text: str, roots: Iterable[Root]) -> tuple[Place, ...]:
    """Every place that a path may mean, the likeliest first.

    Args:
        text: an absolute path, ``ROOT/PATH`` or ``PATH`` below any root.
        roots: the roots.

    Returns:
        Places; none when the path leads out of every root. Nothing on disk is looked at, ``..`` is
        never resolved against it.
    """
    pure = PurePosixPath(text)
    if ".." in pure.parts or "\0" in text:
        return ()
    if pure.is_absolute():
        return tuple(
            Place(root, _clean(pure.relative_to(base)))
            for root in roots
            for base in {PurePosixPath(root.path), PurePosixPath(_real(root.path))}
            if pure.is_relative_to(base)
        )
    known = tuple(roots)
    named = [
        Place(r, _clean(pure.relative_to(r.name))) for r in known if pure.is_relative_to(r.name)
    ]
    return (*named, *(Place(root, _clean(pure)) for root in known))


def owner(place: Place, models: Iterable[ModelId]) -> ModelId | None:
    """The model that a place is, or lies in."""
    wanted = PurePosixPath(place.path)
    for model in models:
        if model.root == place.root.name and wanted.is_relative_to(model.path):
            return model
    return None


def _real(path: Path) -> str:
    return str(path.resolve())


def _clean(path: PurePosixPath) -> str:
    return "" if str(path) == "." else str(path)
