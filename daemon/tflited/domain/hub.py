"""A reference to a TensorFlow Hub module: its handle, its limits, and where a handle may lead."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tflited.domain.build_key import combine
from tflited.domain.sandbox import SandboxDemand
from tflited.errors import HubError

ROOT_NAME: Final = "hub"
"""The daemon's own root, for references that came as triggers."""
REFERENCE_SUFFIX: Final = ".hub.toml"
COPY_REFERENCE: Final = "reference.hub.toml"
"""Name of the reference inside a private copy."""
COPY_MODULE: Final = "module"
"""Name of the module's folder inside a private copy."""
LONGEST_HANDLE: Final = 2000
_PORTS: Final = {"https": 443, "http": 80}
_LONGEST_NAME: Final = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class HubReference:
    """What a ``NAME.hub.toml`` says.

    Attributes:
        handle: an https or http address, or an absolute path inside a root.
        input_shape: input name to shape; the empty name stands for the only input.
        signature: the one to convert; empty for the policy's.
        tags: of the module's graph, which may be none; None for the policy's.
    """

    handle: str
    input_shape: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    signature: str = ""
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLimits:
    """What a fetch may do.

    Attributes:
        hosts: ``HOST`` or ``HOST:PORT``; http only to these, and https too where there are any.
        timeout_seconds: of one fetch, with unpacking.
        largest_archive_bytes: as it comes over the network.
        largest_unpacked_bytes: of all that is unpacked.
        most_files: and folders in one module.
        sandbox: what is demanded before anything is fetched.
    """

    hosts: tuple[str, ...] = ()
    timeout_seconds: float = 600.0
    largest_archive_bytes: int = 2 * 2**30
    largest_unpacked_bytes: int = 4 * 2**30
    most_files: int = 10_000
    sandbox: SandboxDemand = SandboxDemand.REQUIRED


def is_address(handle: str) -> bool:
    """Whether a handle is an address; else it is a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", handle) is not None


def module_key(handle: str) -> str:
    """The name of a handle's folder in a cache, as tensorflow_hub makes it."""
    return hashlib.sha1(handle.encode(), usedforsecurity=False).hexdigest()


def shown(handle: str) -> str:
    """A handle for messages: without a query, a user or a password, which may be secrets."""
    return re.sub(r"(?<=://)[^/]*@", "***@", handle.partition("?")[0])


def check_address(address: str, hosts: Collection[str]) -> SplitResult:
    """The parts of an address that may be asked.

    Args:
        address: a handle, or where a server redirects to.
        hosts: as in ``HubLimits``.

    Raises:
        HubError: another scheme, no plain host, or a host that is not allowed.
    """
    parts = _parts(address)
    host = (parts.hostname or "").lower()
    port = parts.port or _PORTS[parts.scheme]
    listed = {entry.lower().replace("[", "").replace("]", "") for entry in hosts}
    if listed & {host, f"{host}:{port}"} or (parts.scheme == "https" and not listed):
        return parts
    allowed = ", ".join(hosts) or "no host over http, any over https"
    raise HubError(
        f"{shown(address)}: host {host}:{port} over {parts.scheme} is not allowed; [hub] hosts "
        f"allows {allowed}.",
        hint="add the host to hosts in the [hub] table of the main file, or use another handle",
    )


def _parts(address: str) -> SplitResult:
    if not address.isascii() or not address.isprintable() or {" ", "\\"} & set(address):
        raise HubError(
            f"{shown(address)!r} is no address: allowed are printable ASCII characters without "
            "spaces and backslashes.",
            hint="percent-encode what is special in it",
        )
    if len(address) > LONGEST_HANDLE:
        raise HubError(f"An address of {len(address)} characters; allowed are {LONGEST_HANDLE}.")
    try:
        parts = urlsplit(address)
        is_plain = parts.port != 0 and "@" not in parts.netloc and bool(parts.hostname)
    except ValueError as error:
        raise HubError(f"{shown(address)} is no address: {error}.", hint="correct it") from error
    if parts.scheme not in _PORTS:
        raise _other_scheme(address, parts.scheme)
    if not is_plain:
        raise HubError(
            f"{parts.scheme}://…: an address needs a host, and holds no user or password.",
            hint="leave credentials out of the handle",
        )
    return parts


def _other_scheme(address: str, scheme: str) -> HubError:
    hint = "use an https handle, or a path inside a root"
    if scheme == "gs":
        hint = (
            "this server keeps modules in a Google Cloud Storage bucket, which is not read: use a "
            "handle that serves the compressed format, or copy the SavedModel into a root and "
            "name its path"
        )
    return HubError(f"{shown(address)}: {scheme}:// is not fetched; allowed is https.", hint=hint)


def reference_name(reference: HubReference) -> str:
    """A readable file name that stands for one handle with one shape."""
    path = re.sub(r"^[a-z]+://[^/]*|\.tar(\.gz)?$|\.tgz$", "", shown(reference.handle))
    words = [re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-.") for part in path.split("/")]
    readable = "-".join([word for word in words if word][-3:])[-_LONGEST_NAME:].strip("-.")
    unique = combine(reference_text(reference))[:10]
    return f"{readable or 'module'}-{unique}{REFERENCE_SUFFIX}"


def reference_text(reference: HubReference) -> str:
    """The file that says what a reference says; equal references give equal texts."""
    lines = [f"handle = {_quoted(reference.handle)}"]
    shapes = {name: list(shape) for name, shape in reference.input_shape.items()}
    if set(shapes) == {""}:
        lines.append(f"input_shape = {shapes['']}")
    elif shapes:
        table = ", ".join(f"{_quoted(name)} = {shape}" for name, shape in sorted(shapes.items()))
        lines.append(f"input_shape = {{ {table} }}")
    if reference.signature:
        lines.append(f"signature = {_quoted(reference.signature)}")
    if reference.tags is not None:
        lines.append(f"tags = [{', '.join(map(_quoted, reference.tags))}]")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, except for the delete character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
