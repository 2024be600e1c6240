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
from pydantic_core import PydanticCustomError

from tflited.domain.broker import SCHEMES, BrokerSettings
from tflited.domain.cluster import LEAST_TTL_SECONDS, ClusterSettings
from tflited.domain.hub import LONGEST_HANDLE, HubLimits
from tflited.settings.http_schema import LARGEST_PORT, HttpTable
from tflited.settings.schema import (
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

LARGEST_WORKERS: Final = 64
LARGEST_SLOTS: Final = 1024
_HUB: Final = HubLimits()
_BROKER: Final = BrokerSettings(url="")
_CLUSTER: Final = ClusterSettings(scheduler="")
_AUTHORITY: Final = re.compile(
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?(/[^\s?#]*)?"
)
_HOST: Final = r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$"


def _workers(value: object) -> int:
    if value == "auto":
        return 0
    if type(value) is int and 1 <= value <= LARGEST_WORKERS:
        return value
    raise refuse(f'"auto" or a whole number from 1 to {LARGEST_WORKERS}')


def _broker_url(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if value and scheme not in SCHEMES:
        expected = ", ".join(f"'{name}://'" for name in SCHEMES)
        raise PydanticCustomError("enum", "one of {expected}", {"expected": expected})
    if "@" in rest:
        raise refuse("an address without user and password: those stand in credentials_file")
    match = _AUTHORITY.fullmatch(rest)
    if value and (match is None or int(match["port"] or 0) > LARGEST_PORT):
        raise refuse("SCHEME://HOST or SCHEME://HOST:PORT, and /DATABASE or /VHOST where needed")
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


Channel = Annotated[StrictStr, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class DaemonTable(Table):
    """Where things are and how the daemon paces itself."""

    output: PathText = "output"
    state: PathText = "state"
    workers: Workers = 0
    settle_seconds: Annotated[Number, Field(ge=0, le=86_400)] = 3.0
    settle_whole_seconds: Annotated[Number, Field(ge=0, le=86_400)] = 0.5
    scan_interval_seconds: Seconds = 60.0
    executor: Literal["local", "dask"] = "local"
    attempt_timeout_seconds: Seconds = 900.0
    drain_timeout_seconds: Annotated[Number, Field(ge=0, le=86_400)] = 60.0
    rebuild_on_upgrade: StrictBool = False
    builds_per_hour: Annotated[StrictInt, Field(ge=0, le=10_000)] = 60
    removal_share: Annotated[Number, Field(ge=0, le=1)] = 0.5
    removal_count: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 10
    queue_capacity: Annotated[StrictInt, Field(ge=1, le=10_000_000)] = 10_000


class LogTable(Table):
    """How the daemon writes its log."""

    format: Literal["auto", "json", "console", "journal"] = "auto"
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
    sandbox: Literal["required", "off"] = "required"


class BrokerTable(Table):
    """A message broker that triggers come through. An empty ``url`` means none."""

    url: Annotated[StrictStr, AfterValidator(_broker_url)] = ""
    source: Channel = _BROKER.source
    group: Slug = _BROKER.group
    reply_to: Channel | Literal[""] = _BROKER.reply_to
    credentials_file: Glob = ""
    ca_file: Glob = ""
    prefetch: Annotated[StrictInt, Field(ge=1, le=10_000)] = _BROKER.prefetch


class ClusterTable(Table):
    """Where attempts run with ``executor = "dask"``. Files are all three or none."""

    scheduler: StrictStr = ""
    ca_file: Glob = ""
    certificate_file: Glob = ""
    key_file: Glob = ""
    slots: Annotated[StrictInt, Field(ge=1, le=LARGEST_SLOTS)] = _CLUSTER.slots
    attempt_memory_bytes: Bytes = _CLUSTER.attempt_memory_bytes
    worker_ttl_seconds: Annotated[Number, Field(ge=LEAST_TTL_SECONDS, le=86_400)] = (
        _CLUSTER.worker_ttl_seconds
    )
    data_listen: StrictStr = _CLUSTER.data_listen
    share_paths: StrictBool = _CLUSTER.share_paths


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
    sandbox: Literal["required", "off"] = "required"


class MainTable(Table):
    """The main file."""

    daemon: DaemonTable = DaemonTable()
    http: HttpTable = HttpTable()
    log: LogTable = LogTable()
    hub: HubTable = HubTable()
    broker: BrokerTable = BrokerTable()
    cluster: ClusterTable = ClusterTable()
    root: Annotated[tuple[RootTable, ...], Field(min_length=1)]
    policy: dict[Slug, MainPolicyTable] = Field(default_factory=dict)
