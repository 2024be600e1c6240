"""The process that unpacks one archive: limits on itself, one reply, and nothing kept on refusal.

Reads the request from standard input, writes one JSON reply to standard output. Tar is read by the
loop that unpacks Hub modules, which is loaded by its name as everything of ``convert/`` is.
"""

import importlib
import json
import os
import resource
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

from tflited import durable
from tflited.domain.access import UploadRules
from tflited.domain.hub import HubLimits
from tflited.errors import HubError, UploadRefusedError
from tflited.sources.uploads.content import checked_parts

MEMORY_BYTES: Final = 512 * 2**20
"""Both parsers stream; more than this is an attack on one."""
_CHUNK_BYTES: Final = 2**20
_MOST_RATIO: Final = 200
"""Bytes out for one byte in, of a file of at least a chunk; deflate ends near 1030."""
_TAR: Final = "tflited.convert.hub.unpack"
_LINK, _FOLDER, _FILE = 0o120000, 0o040000, 0o100000
_KIND: Final = 0o170000


def main() -> None:
    """Unpacks what the request names, and replies with a refusal or with an empty one."""
    request = json.load(sys.stdin)
    rules = UploadRules(**request["rules"])
    _limit(rules)
    try:
        refusal = _unpack(Path(request["archive"]), Path(request["folder"]), rules)
    except MemoryError:
        refusal = f"reading it takes more than {MEMORY_BYTES} bytes of memory, allowed that many"
    json.dump({"refusal": refusal}, sys.stdout)


def _limit(rules: UploadRules) -> None:
    os.umask(0o022)
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, rules.largest_unpacked_bytes),
        (resource.RLIMIT_CPU, max(1, int(rules.timeout_seconds))),
    ):
        _, hard = resource.getrlimit(kind)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (limit, limit))


def _unpack(archive: Path, folder: Path, rules: UploadRules) -> str:
    """Unpacks; why it does not, or nothing."""
    try:
        if archive.name.lower().endswith(".zip"):
            _unzip(archive, folder, rules)
        else:
            _untar(archive, folder, rules)
    except UploadRefusedError as error:
        return error.message.removesuffix(".")
    except HubError as error:
        told = error.message.removeprefix("The module's archive is refused: ").removesuffix(".")
        return told.replace("The module", "it")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError) as error:
        return f"it is no zip archive, or damaged, or encrypted: {error}"
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        return "a file stands where a folder should"
    except OSError as error:
        return f"unpacking failed: {error.strerror or error}"
    return ""


def _untar(archive: Path, folder: Path, rules: UploadRules) -> None:
    unpack: Any = importlib.import_module(_TAR).unpack
    ratio_bytes = _CHUNK_BYTES + _MOST_RATIO * archive.stat().st_size
    limits = HubLimits(
        largest_unpacked_bytes=min(_most(folder, rules), ratio_bytes), most_files=rules.most_files
    )
    with archive.open("rb") as stream:
        unpack(stream, folder, limits)
    for path in folder.rglob("*"):
        checked_parts(str(path.relative_to(folder)))


def _unzip(archive: Path, folder: Path, rules: UploadRules) -> None:
    most = left = _most(folder, rules)
    made: set[tuple[str, ...]] = set()
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            parts = checked_parts(info.filename.removesuffix("/"))
            _check_kind(info)
            made |= {parts[:end] for end in range(1, len(parts) + 1)}
            if len(made) > rules.most_files:
                raise UploadRefusedError(
                    f"it has more than {rules.most_files} files and folders, allowed that many"
                )
            target = folder.joinpath(*parts)
            if info.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            left -= _inflate(opened, info, target, left)
            if left < 0:
                raise UploadRefusedError(
                    f"it unpacks to more than {most} bytes, allowed are largest_unpacked_bytes"
                    f" ({rules.largest_unpacked_bytes}) and what free_bytes leaves of the room"
                )


def _most(folder: Path, rules: UploadRules) -> int:
    """How much may be unpacked: as the rules say, and as there is room."""
    status = os.statvfs(folder)
    return min(rules.largest_unpacked_bytes, status.f_bavail * status.f_frsize - rules.free_bytes)


def _check_kind(info: zipfile.ZipInfo) -> None:
    """Refuses links and devices: what was packed on Unix says its kind in the upper half."""
    kind = (info.external_attr >> 16) & _KIND
    if kind not in {0, _FOLDER, _FILE}:
        word = "a symbolic link" if kind == _LINK else "a device or the like"
        raise UploadRefusedError(f"{info.filename!r} is {word}")


def _inflate(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Writes one file, counting what comes out; how much it was, at most a little too much."""
    count = 0
    with opened.open(info) as source, durable.new_file(target) as stream:
        while content := source.read(_CHUNK_BYTES):
            count += len(content)
            if count > left:
                break
            if count > _CHUNK_BYTES and count > _MOST_RATIO * max(info.compress_size, 1):
                raise UploadRefusedError(
                    f"{info.filename!r} unpacks to more than {_MOST_RATIO} times its size, allowed"
                    " that much"
                )
            stream.write(content)
    return count


if __name__ == "__main__":
    main()
