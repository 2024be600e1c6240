"""What one attempt may fetch, and what a worker announces in return; both are read as hostile.

Names are checked here and nowhere else: no request carries a path, only a digest or a number.
"""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from tflited.domain.figures import FORBID_EXTRA
from tflited.domain.model import Digest
from tflited.errors import TransferRefusedError

MOST_PATH_BYTES: Final = 1024
MOST_PART_BYTES: Final = 255
MOST_PARTS: Final = 32
MOST_FILES: Final = 100_000
"""Of an offer or an announcement; a policy allows fewer."""
MOST_JSON_BYTES: Final = 64 * 2**20
LARGEST_BYTES: Final = 2**50

_ATTEMPT: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$"
_BEARER: Final = r"^[A-Za-z0-9_-]{32,100}$"
_URL: Final = r"^https?://[^\s/?#@]{1,255}$"


def path_fault(path: str) -> str:
    """Why a text is no path below a folder; empty where it is one."""
    parts = path.split("/")
    try:
        sizes = [len(os.fsencode(part)) for part in parts]
    except UnicodeEncodeError:
        return "a name that no file can have"
    if "\0" in path or not all(parts) or {".", ".."} & set(parts):
        return "a part that is empty, . or .., or holds a NUL"
    if max(sizes) > MOST_PART_BYTES or sum(sizes) + len(parts) > MOST_PATH_BYTES:
        return f"more than {MOST_PART_BYTES} bytes in a part or {MOST_PATH_BYTES} in all"
    return "" if len(parts) <= MOST_PARTS else f"more than {MOST_PARTS} parts"


def _path(path: str) -> str:
    fault = path_fault(path)
    if fault:
        raise ValueError(fault)
    return path


def _part(name: str) -> str:
    if "/" in name:
        raise ValueError("a slash")
    return _path(name)


RelativePath = Annotated[str, AfterValidator(_path)]
Size = Annotated[int, Field(strict=True, ge=0, le=LARGEST_BYTES)]
Sha256 = Annotated[Digest, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file.

    Attributes:
        path: below the folder that it belongs to; the file's own name where it is no folder's.
        size_bytes: of its content.
        sha256: of its content.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    path: RelativePath
    size_bytes: Size
    sha256: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file or folder that an attempt needs.

    Attributes:
        name: what the caller calls it, as in ``model`` or ``evaluation/3``.
        base: the last part of its path, which it keeps.
        is_folder: whether it is one.
        files: all of them; exactly one where it is no folder.
        folders: those below it, the empty ones included.
        seen_at: where the daemon has it, for a worker that shares the file system; else empty.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    name: Annotated[str, Field(pattern=_NAME)]
    base: Annotated[str, AfterValidator(_part)]
    is_folder: bool
    files: Annotated[tuple[FileEntry, ...], Field(max_length=MOST_FILES)]
    folders: Annotated[tuple[RelativePath, ...], Field(max_length=MOST_FILES)] = ()
    seen_at: str = ""

    def __post_init__(self) -> None:
        """Checks what no single field shows.

        Raises:
            ValueError: files and kind do not fit, or two names cannot be in one tree.
        """
        if not self.is_folder and (
            self.folders or [file.path for file in self.files] != [self.base]
        ):
            raise ValueError("an item that is no folder is exactly one file of its own name")
        check_tree(self.files, self.folders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Everything a worker needs to fetch and deliver for one attempt.

    Attributes:
        attempt: ``JOB.ATTEMPT``.
        url: of the daemon's depot, without a path.
        token: what opens it for this attempt, and closes with it.
        items: what may be fetched.
        most_bytes: what may be delivered, all files together.
        most_files: how many files may be delivered.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    attempt: Annotated[str, Field(pattern=_ATTEMPT)]
    url: Annotated[str, Field(pattern=_URL)]
    token: Annotated[str, Field(pattern=_BEARER)] = field(repr=False)
    items: tuple[Item, ...]
    most_bytes: Size
    most_files: Size

    def item(self, name: str) -> Item:
        """The item of a name.

        Raises:
            TransferRefusedError: there is none.
        """
        for item in self.items:
            if item.name == name:
                return item
        names = ", ".join(item.name for item in self.items) or "nothing"
        raise TransferRefusedError(
            f"Attempt {self.attempt}: observed a request for {name!r}, allowed {names}."
        )

    def to_json(self) -> bytes:
        """The offer as ASCII; file names that are no UTF-8 travel as escaped lone surrogates."""
        return _dumped(_OFFER, self)

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """The offer that a daemon wrote.

        Raises:
            TransferRefusedError: the bytes are none.
        """
        offer: Self = _loaded(_OFFER, content, "offer")
        return offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a worker is about to deliver; a request names its files by their places in here."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    files: Annotated[tuple[FileEntry, ...], Field(max_length=MOST_FILES)]
    folders: Annotated[tuple[RelativePath, ...], Field(max_length=MOST_FILES)] = ()

    def __post_init__(self) -> None:
        """Checks what no single field shows.

        Raises:
            ValueError: two names cannot be in one tree.
        """
        check_tree(self.files, self.folders)

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(file.size_bytes for file in self.files)

    def to_json(self) -> bytes:
        """The announcement as ASCII."""
        return _dumped(_ANNOUNCEMENT, self)

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """The announcement that a worker sent.

        Raises:
            TransferRefusedError: the bytes are none.
        """
        announcement: Self = _loaded(_ANNOUNCEMENT, content, "announcement")
        return announcement


def check_tree(files: Iterable[FileEntry], folders: Iterable[str]) -> None:
    """Refuses names that cannot be in one tree.

    Raises:
        ValueError: a file is named twice, or is a folder as well.
    """
    paths = [file.path for file in files]
    known = set(paths)
    if len(known) != len(paths):
        raise ValueError("a file is named twice")
    inside = {*folders}
    for path in [*paths, *inside]:
        inside.update(path[: found.start()] for found in re.finditer("/", path))
    if known & inside:
        raise ValueError(f"{min(known & inside)!r} is a file and a folder")


_OFFER: Final[TypeAdapter[Any]] = TypeAdapter(Offer)
_ANNOUNCEMENT: Final[TypeAdapter[Any]] = TypeAdapter(Announcement)


def _dumped(adapter: TypeAdapter[Any], value: object) -> bytes:
    return json.dumps(adapter.dump_python(value, mode="json")).encode("ascii")


def _loaded(adapter: TypeAdapter[Any], content: bytes, what: str) -> Any:
    if len(content) > MOST_JSON_BYTES:
        raise TransferRefusedError(
            f"The {what} is too long: observed {len(content)} bytes, allowed {MOST_JSON_BYTES}."
        )
    try:
        # Pydantic's own parser refuses the lone surrogates of names that are no UTF-8.
        return adapter.validate_python(json.loads(content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"][:4]))
        raise TransferRefusedError(f"The {what} is none: {place[:80]}: {first['msg']}.") from error
    except (ValueError, RecursionError) as error:
        raise TransferRefusedError(f"The {what} is none: {error}.") from error
