"""Owns the shape of the main file, and of a Hub reference, as pydantic models."""

import re
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    WithJsonSchema,
)

from tflited.domain.hub import LONGEST_HANDLE, HubLimits
from tflited.settings.schema import (
    LATER,
    Glob,
    InputShape,
    MainPolicyTable,
    Number,
    PathText,
    Seconds,
    Slug,
    Table,
    refuse,
)

LOOPBACK_HOSTS: Final = ("127.0.0.1", "::1", "localhost")
LARGEST_WORKERS: Final = 64
_LARGEST_PORT: Final = 65535
_LISTEN: Final = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")
_HUB: Final = HubLimits()
_HOST: Final = r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$"


def _workers(value: object) -> int:
    if value == "auto":
        return 0
    if type(value) is int and 1 <= value <= LARGEST_WORKERS:
        return value
    raise refuse(f'"auto" or a whole number from 1 to {LARGEST_WORKERS}')


def split_listen(value: str) -> tuple[str, int]:
    """Takes ``HOST:PORT`` apart; an IPv6 host stands in brackets.

    Raises:
        PydanticCustomError: it is something else, or the host is no loopback host.
    """
    match = _LISTEN.fullmatch(value)
    host = (match["v6"] or match["host"]) if match else ""
    if match is None or host not in LOOPBACK_HOSTS or int(match["port"]) > _LARGEST_PORT:
        hosts = ", ".join(LOOPBACK_HOSTS)
        raise refuse(f"HOST:PORT with a host of {hosts}: others need tokens, {LATER}")
    return host, int(match["port"])


def _listen(value: str) -> str:
    split_listen(value)
    return value


Workers = Annotated[
    int,
    PlainValidator(_workers),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "auto"},
                {"type": "integer", "minimum": 1, "maximum": LARGEST_WORKERS},
            ]
        }
    ),
]
Bytes = Annotated[StrictInt, Field(ge=1, le=2**50)]


class DaemonTable(Table):
    """Where things are and how the daemon paces itself."""

    output: PathText = "output"
    state: PathText = "state"
    workers: Workers = 0
    settle_seconds: Annotated[Number, Field(ge=0, le=86_400)] = 3.0
    scan_interval_seconds: Seconds = 60.0
    attempt_timeout_seconds: Seconds = 900.0
    drain_timeout_seconds: Annotated[Number, Field(ge=0, le=86_400)] = 60.0
    rebuild_on_upgrade: StrictBool = False


class HttpTable(Table):
    """The HTTP API. An empty ``socket`` means ``tflited.sock`` in the state folder."""

    enabled: StrictBool = True
    listen: Annotated[StrictStr, AfterValidator(_listen)] = "127.0.0.1:8571"
    socket: Glob = ""


class LogTable(Table):
    """How the daemon writes its log."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class HubTable(Table):
    """TensorFlow Hub. No ``hosts`` means any over https and none over http."""

    hosts: tuple[Annotated[StrictStr, Field(pattern=_HOST)], ...] = _HUB.hosts
    cache: Glob = ""
    refresh_seconds: Annotated[Number, Field(ge=0, le=31_536_000)] = 86_400.0
    timeout_seconds: Seconds = _HUB.timeout_seconds
    largest_archive_bytes: Bytes = _HUB.largest_archive_bytes
    largest_unpacked_bytes: Bytes = _HUB.largest_unpacked_bytes
    most_files: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = _HUB.most_files


class HubReferenceTable(Table):
    """A ``NAME.hub.toml``: which module, and how it is called."""

    handle: Annotated[
        StrictStr, Field(min_length=1, max_length=LONGEST_HANDLE, pattern=r"^[^\x00]+$")
    ]
    input_shape: InputShape = Field(default_factory=dict)
    signature: Annotated[StrictStr, Field(min_length=1)] | None = None
    tags: tuple[Annotated[StrictStr, Field(min_length=1)], ...] | None = None


class RootTable(Table):
    """A watched directory. No ``name`` means the path's last component."""

    name: Slug | None = None
    path: PathText
    policy: Slug | None = None
    trusted: StrictBool = False
    follow_links: StrictBool = False


class MainTable(Table):
    """The main file."""

    daemon: DaemonTable = DaemonTable()
    http: HttpTable = HttpTable()
    log: LogTable = LogTable()
    hub: HubTable = HubTable()
    root: Annotated[tuple[RootTable, ...], Field(min_length=1)]
    policy: dict[Slug, MainPolicyTable] = Field(default_factory=dict)
