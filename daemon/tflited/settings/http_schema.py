"""Owns the shape of ``[http]``: where it listens, who may ask, and how much at once."""

import ipaddress
import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, StrictInt, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from tflited.domain.access import HttpRules, UploadRules
from tflited.settings.schema import Count, Glob, Seconds, Slug, Table, refuse

LOOPBACK_HOSTS: Final = ("127.0.0.1", "::1", "localhost")
LARGEST_PORT: Final = 65535
_LISTEN: Final = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")
_HOST: Final = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$"
_RULES: Final = HttpRules()
_UPLOADS: Final = UploadRules(root="")
_FOLDER: Final = r"^([A-Za-z0-9_][^/\x00-\x1f]*(/[A-Za-z0-9_][^/\x00-\x1f]*)*)?$"
_Bytes = Annotated[StrictInt, Field(ge=1, le=2**50)]


def split_listen(value: str) -> tuple[str, int]:
    """Takes ``HOST:PORT`` apart; an IPv6 host stands in brackets.

    Raises:
        PydanticCustomError: it is something else.
    """
    match = _LISTEN.fullmatch(value)
    host = (match["v6"] or match["host"]) if match else ""
    if match is None or not _is_address(host) or int(match["port"]) > LARGEST_PORT:
        hosts = ", ".join(LOOPBACK_HOSTS)
        raise refuse(f"HOST:PORT with a host of {hosts}, or another address where there are tokens")
    return host, int(match["port"])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _listen(value: str) -> str:
    split_listen(value)
    return value


class TokenTable(Table):
    """One token: its secret is in a file or a systemd credential, never in the configuration."""

    name: Slug
    file: Glob = ""
    credential: Annotated[StrictStr, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,254})?$")] = ""
    scopes: Annotated[tuple[Literal["read", "write"], ...], Field(min_length=1)] = ("read",)

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if bool(self.file) is bool(self.credential):
            raise _one_place()
        return self


def _one_place() -> PydanticCustomError:
    return refuse("either file or credential, and not both")


class UploadsTable(Table):
    """Uploads land in a root like any drop. An empty ``root`` takes none."""

    root: Slug | Literal[""] = ""
    folder: Annotated[StrictStr, Field(pattern=_FOLDER)] = _UPLOADS.folder
    largest_bytes: _Bytes = _UPLOADS.largest_bytes
    largest_unpacked_bytes: _Bytes = _UPLOADS.largest_unpacked_bytes
    most_files: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = _UPLOADS.most_files
    timeout_seconds: Seconds = _UPLOADS.timeout_seconds
    free_bytes: Count = _UPLOADS.free_bytes


class HttpTable(Table):
    """The HTTP API. An empty ``socket`` means ``tflited.sock`` in the state folder."""

    enabled: StrictBool = True
    listen: Annotated[StrictStr, AfterValidator(_listen)] = "127.0.0.1:8571"
    socket: Glob = ""
    hosts: tuple[Annotated[StrictStr, Field(pattern=_HOST)], ...] = _RULES.hosts
    require_token_for_reading: StrictBool = _RULES.require_token_for_reading
    writes_per_minute: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = _RULES.writes_per_minute
    write_burst: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = _RULES.write_burst
    max_connections: Annotated[StrictInt, Field(ge=8, le=10_000)] = _RULES.max_connections
    max_event_streams: Annotated[StrictInt, Field(ge=0, le=10_000)] = _RULES.max_event_streams
    token: tuple[TokenTable, ...] = ()
    uploads: UploadsTable = UploadsTable()
