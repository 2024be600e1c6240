"""A model of what a file system may hold after a power cut, from the calls that were made.

Changes of names wait for an fsync of a folder that they touch, changes of bytes for an fsync of
their file (POSIX's fsync; Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014). A
rename is one change, as on every journalling file system. What waited may be there or not: each
``Rule`` is one answer.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from faults.power.trace import Call

SECTOR_BYTES: Final = 512
Tree: TypeAlias = dict[Path, "bytes | None"]
"""Path below the top to a file's bytes; None for a folder."""


class Rule(StrEnum):
    """What there is of the changes that no fsync has made durable."""

    EVERYTHING = "everything"
    """All of it, as after the death of the process alone."""
    NOTHING = "nothing"
    """None of it."""
    NAMES = "names"
    """Every name and no byte: files are as long as they were synced."""
    ZEROS = "zeros"
    """Every name and every length, with zeros where the bytes would be."""
    TORN = "torn"
    """Names up to some moment, and of the bytes some sectors."""


@dataclass(frozen=True, slots=True)
class Names:
    """Entries of folders that change together: (folder, name) to a file, or to nothing."""

    entries: tuple[tuple[int, str, int | None], ...]

    @property
    def places(self) -> frozenset[int]:
        """The folders; an fsync of one makes the change durable."""
        return frozenset(folder for folder, _, _ in self.entries)


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes at an offset of a file."""

    file: int
    offset: int
    content: bytes

    @property
    def places(self) -> frozenset[int]:
        """The file."""
        return frozenset({self.file})


@dataclass(frozen=True, slots=True)
class Length:
    """A file cut, or made longer with zeros."""

    file: int
    size: int

    @property
    def places(self) -> frozenset[int]:
        """The file."""
        return frozenset({self.file})


@dataclass(frozen=True, slots=True)
class Sync:
    """An fsync of a file or a folder."""

    place: int


@dataclass(frozen=True, slots=True)
class Promise:
    """The program has promised something to somebody."""

    name: str


Change: TypeAlias = Names | Bytes | Length
Event: TypeAlias = Names | Bytes | Length | Sync | Promise


@dataclass(slots=True)
class Disk:
    """Folders and files by number; the top is number 0."""

    folders: dict[int, dict[str, int]] = field(default_factory=lambda: {0: {}})
    files: dict[int, bytearray] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: Tree) -> "Disk":
        """A disk that holds a tree."""
        disk = cls()
        for path in sorted(tree):
            number = disk.new(tree[path])
            disk.folders[disk.find(path.parent)][path.name] = number
        return disk

    def new(self, content: bytes | None) -> int:
        """Another file, or with None another folder, that no name leads to yet."""
        number = len(self.folders) + len(self.files)
        if content is None:
            self.folders[number] = {}
        else:
            self.files[number] = bytearray(content)
        return number

    def find(self, path: Path) -> int:
        """What a path leads to.

        Raises:
            KeyError: nothing.
        """
        number = 0
        for name in path.parts:
            number = self.folders[number][name]
        return number

    def apply(self, change: Change) -> None:
        """Makes one change."""
        match change:
            case Names():
                for folder, name, number in change.entries:
                    self.folders[folder].pop(name, None)
                    if number is not None:
                        self.folders[folder][name] = number
            case Bytes():
                content = self.files[change.file]
                end = change.offset + len(change.content)
                content.extend(bytes(max(0, end - len(content))))
                content[change.offset : end] = change.content
            case Length():
                content = self.files[change.file]
                content.extend(bytes(max(0, change.size - len(content))))
                del content[change.size :]

    def tree(self) -> Tree:
        """Everything that a name leads to."""
        return dict(self._below(0, Path()))

    def _below(self, folder: int, path: Path) -> Iterator[tuple[Path, bytes | None]]:
        for name, number in self.folders[folder].items():
            if number in self.folders:
                yield path / name, None
                yield from self._below(number, path / name)
            else:
                yield path / name, bytes(self.files[number])

    def blank(self, old: "Disk") -> "Disk":
        """The old disk, knowing of every file and folder that was made since, all empty."""
        folders = {number: dict(old.folders.get(number, {})) for number in self.folders}
        files = {number: bytearray(old.files.get(number, b"")) for number in self.files}
        return Disk(folders, files)


class History:
    """The events of a recorded program below one folder.

    Args:
        tree: what was there, durable, when it began.
        top: the folder.
        made: the program's calls.
        is_of_interest: tells whether what happens to a path below the top is followed.
    """

    def __init__(
        self, tree: Tree, top: Path, made: Iterable[Call], is_of_interest: Callable[[Path], bool]
    ) -> None:
        self._base = Disk.of(tree)
        self._now = Disk.of(tree)
        self._top = top
        self._is_of_interest = is_of_interest
        self.events: list[Event] = []
        for call in made:
            for event in self._events(call):
                self.events.append(event)
                if isinstance(event, Names | Bytes | Length):
                    self._now.apply(event)

    def promised(self, point: int) -> set[str]:
        """What was promised before a point."""
        return {event.name for event in self.events[:point] if isinstance(event, Promise)}

    def after(self, point: int, rule: Rule, seed: int = 0) -> Tree:
        """What the disk holds when the power goes after so many events."""
        disk = self._now.blank(self._base)
        for change in kept(self.events[:point], rule, random.Random(seed)):  # noqa: S311
            disk.apply(change)
        return disk.tree()

    def _events(self, call: Call) -> Iterator[Event]:
        reader = _READERS.get(call.name)
        if reader is not None:
            yield from reader(self, call)

    def _below(self, path: Path) -> Path | None:
        """A path relative to the top; None for one that nobody follows."""
        if not path.is_relative_to(self._top):
            return None
        inner = path.relative_to(self._top)
        return inner if self._is_of_interest(inner) else None

    def _found(self, path: Path) -> int | None:
        inner = self._below(path)
        if inner is None:
            return None
        try:
            return self._now.find(inner)
        except KeyError:  # removed, and still open
            return None

    def _entry(self, path: Path, number: int | None) -> tuple[int, str, int | None] | None:
        inner = self._below(path)
        if inner is None:
            return None
        return self._now.find(inner.parent), inner.name, number

    def _changed(self, *entries: tuple[int, str, int | None] | None) -> Iterator[Names]:
        known = tuple(entry for entry in entries if entry is not None)
        if known:
            yield Names(known)

    def open(self, call: Call) -> Iterator[Event]:
        """A file that is made, or cut to nothing."""
        where = 1 if call.name == "openat" else 0
        flags = call.arguments[where + 1]
        path = call.path(where, 0 if where else None)
        if self._below(path) is None:
            return
        found = self._found(path)
        if found is None and "O_CREAT" in flags:
            yield from self._changed(self._entry(path, self._now.new(b"")))
        elif found is not None and "O_TRUNC" in flags:
            yield Length(found, 0)

    def write(self, call: Call) -> Iterator[Event]:
        """Bytes at the file's end, or at the offset that the call names."""
        found = self._found(call.opened(0))
        if found is not None:
            has_offset = call.name == "pwrite64"
            offset = call.number(3) if has_offset else len(self._now.files[found])
            yield Bytes(found, offset, call.text(1)[: call.number(2)])

    def truncate(self, call: Call) -> Iterator[Event]:
        """Another length."""
        if (found := self._found(call.opened(0))) is not None:
            yield Length(found, call.number(1))

    def make_folder(self, call: Call) -> Iterator[Event]:
        """A new folder."""
        path = call.path(0)
        if self._below(path) is not None:
            yield from self._changed(self._entry(path, self._now.new(None)))

    def remove(self, call: Call) -> Iterator[Event]:
        """A name less."""
        path = call.path(1, 0) if call.name == "unlinkat" else call.path(0)
        yield from self._changed(self._entry(path, None))

    def rename(self, call: Call) -> Iterator[Event]:
        """One name becomes another, or two change places."""
        if call.name == "rename":
            old, new = call.path(0), call.path(1)
        else:
            old, new = call.path(1, 0), call.path(3, 2)
        moved, there = self._found(old), self._found(new)
        is_exchange = call.arguments[-1] == "RENAME_EXCHANGE"
        left = self._entry(old, there if is_exchange else None)
        yield from self._changed(left, self._entry(new, moved))

    def sync(self, call: Call) -> Iterator[Event]:
        """What waited for this file or folder is durable."""
        path = call.opened(0)
        found = 0 if path == self._top else self._found(path)
        if found is not None:
            yield Sync(found)

    def promise(self, call: Call) -> Iterator[Event]:
        """Asking for a path that is no path says that a promise was given."""
        path = call.path(1, 0) if call.name.startswith("faccess") else call.path(0)
        if path.is_relative_to("/promise"):
            yield Promise(path.name)


_READERS: Final[dict[str, Callable[[History, Call], Iterator[Event]]]] = {
    "open": History.open,
    "openat": History.open,
    "write": History.write,
    "pwrite64": History.write,
    "ftruncate": History.truncate,
    "mkdir": History.make_folder,
    "rmdir": History.remove,
    "unlink": History.remove,
    "unlinkat": History.remove,
    "rename": History.rename,
    "renameat": History.rename,
    "renameat2": History.rename,
    "fsync": History.sync,
    "fdatasync": History.sync,
    "access": History.promise,
    "faccessat": History.promise,
    "faccessat2": History.promise,
}


def kept(events: Sequence[Event], rule: Rule, choose: random.Random) -> Iterator[Change]:
    """The changes that are on the disk, in order, and of some of them a part."""
    synced: dict[int, int] = {}
    for position, event in enumerate(events):
        if isinstance(event, Sync):
            synced[event.place] = position
    moment = choose.randrange(len(events) + 1)
    for position, event in enumerate(events):
        if isinstance(event, Sync | Promise):
            continue
        is_durable = any(synced.get(place, -1) > position for place in event.places)
        if is_durable or rule is Rule.EVERYTHING:
            yield event
        elif isinstance(event, Names):
            if rule in {Rule.NAMES, Rule.ZEROS} or (rule is Rule.TORN and position < moment):
                yield event
        elif isinstance(event, Bytes):
            yield from _part(event, rule, choose)
        elif rule in {Rule.ZEROS, Rule.TORN}:
            yield event


def _part(write: Bytes, rule: Rule, choose: random.Random) -> Iterator[Change]:
    """What there is of bytes that wait."""
    if rule is Rule.ZEROS:
        yield Bytes(write.file, write.offset + len(write.content), b"")
    if rule is Rule.TORN:
        for begin in range(0, len(write.content), SECTOR_BYTES):
            if choose.random() < 0.5:
                part = write.content[begin : begin + SECTOR_BYTES]
                yield Bytes(write.file, write.offset + begin, part)
