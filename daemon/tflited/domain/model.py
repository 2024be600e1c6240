"""What a model is on disk: its kind, its name, and the identity of its files."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import NamedTuple, NewType

Digest = NewType("Digest", str)
"""Lower-case hexadecimal SHA-256."""


class ModelKind(StrEnum):
    """The container of a model."""

    SAVED_MODEL = "saved_model"
    """A directory with ``saved_model.pb``."""
    KERAS = "keras"
    """A Keras 3 ``.keras`` archive."""
    KERAS_HDF5 = "keras_hdf5"
    """A legacy ``.h5`` or ``.hdf5`` file of Keras 2 or 3."""
    HUB = "hub"
    """A ``NAME.hub.toml`` file that refers to a TensorFlow Hub module."""


SUFFIXES: dict[str, ModelKind] = {
    ".keras": ModelKind.KERAS,
    ".h5": ModelKind.KERAS_HDF5,
    ".hdf5": ModelKind.KERAS_HDF5,
    ".hub.toml": ModelKind.HUB,
}
"""Which file endings make a file a model."""


def kind_of_file(name: str) -> ModelKind | None:
    """The kind that a file's name announces, or None where it is no model."""
    lowered = name.lower()
    return next((kind for end, kind in SUFFIXES.items() if lowered.endswith(end)), None)


_DIGITS = 19
"""Longer numbers are no versions: TensorFlow Serving's are 64 bits wide."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ModelId:
    """Names one model: the root's configured name and the path below it, with ``/`` between.

    The path of a root whose own directory is the model is empty.
    """

    root: str
    path: str

    def __str__(self) -> str:
        """``root/path``, as in the output tree."""
        return f"{self.root}/{self.path}" if self.path else self.root

    @property
    def version(self) -> int | None:
        """The number that a folder's name is, as TensorFlow Serving has it; None for others."""
        name = PurePosixPath(self.path).name
        return int(name) if name.isascii() and name.isdecimal() and len(name) <= _DIGITS else None

    @property
    def stem(self) -> str:
        """The file name without the ending that announces its kind; ``net_2`` for ``net/2``."""
        path = PurePosixPath(self.path)
        name = path.name or self.root
        if self.version is not None:
            return f"{path.parent.name or self.root}_{name}"
        lowered = name.lower()
        end = next((end for end in SUFFIXES if lowered.endswith(end)), "")
        return name[: len(name) - len(end)] or name


class FileIdentity(NamedTuple):
    """What tells that a file is still the same without reading it; compared for inequality only.

    "Newer than" is never asked: copies keep old times, clocks jump, renames bring old files in.
    A tuple, because one look at a large root makes and compares a hundred thousand of them.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A model as one scan saw it.

    Attributes:
        kind: the container.
        files: path below the model ("" for a single-file model) to identity, sorted by path.
        blockers: temporary names found inside; while there are any, the model is being written.
        is_held: a ``.hold`` file asks to wait.
        is_ready: a ``.ready`` file says that the writer is done.
        trouble: why a part could not be read; empty when all could.
    """

    kind: ModelKind
    files: tuple[tuple[str, FileIdentity], ...]
    blockers: tuple[str, ...] = ()
    is_held: bool = False
    is_ready: bool = False
    trouble: str = ""

    @property
    def size_bytes(self) -> int:
        """Sum of the file sizes."""
        return sum(identity.size for _, identity in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one walk of a root, or of a part of it, found.

    Attributes:
        root: the root's configured name.
        scope: the path below the root that was walked; "" for all of it.
        models: path below the root to snapshot, for every model inside the scope.
        policies: path below the root of every folder policy file to its identity.
        trouble: path below the root to the reason why it could not be read.
        mounts: path below the root of every directory that lies on another device than the one
            above it, the top of the walk included.
        linked: path below the root of every symbolic link that was followed.
        unread: path below the root of every directory that could not be read.
    """

    root: str
    scope: str
    models: dict[str, Snapshot] = field(default_factory=dict)
    policies: dict[str, FileIdentity] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)
    mounts: set[str] = field(default_factory=set)
    linked: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)


def is_below(path: str, scope: str) -> bool:
    """Whether a path below a root lies at or below a scope of the same root."""
    return not scope or path == scope or path.startswith(f"{scope}/")
