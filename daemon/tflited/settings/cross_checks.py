"""Owns what the main file's keys must be to each other; looks at them also where others are wrong.

It reads the parsed file, not the validated one: a typing error in ``[log]`` must not hide that
two roots overlap, or the reader mends the file twice.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from tflited.domain.broker import SCHEMES, BrokerKind
from tflited.domain.cluster import address_fault, is_loopback, split_address
from tflited.domain.hub import ROOT_NAME
from tflited.errors import Problem
from tflited.settings.http_schema import LOOPBACK_HOSTS, HttpTable, split_listen
from tflited.settings.layers import BUILT_IN
from tflited.settings.main_schema import (
    BrokerTable,
    ClusterTable,
    DaemonTable,
    HubTable,
    RootTable,
)
from tflited.settings.problems import close_match, shown
from tflited.settings.schema import Table

SOCKET_NAME: Final = "tflited.sock"
HUB_CACHE_NAME: Final = "hub"
REFERENCES_NAME: Final = "hub-references"
_LONGEST_SOCKET_BYTES: Final = 107
"""``sun_path`` of unix(7) holds 108 bytes with its final zero."""

_WILDCARDS: Final = {BrokerKind.MQTT: "+#", BrokerKind.NATS: "*>"}
_HTTP_KEYS: Final = ("socket", "listen", "token", "require_token_for_reading", "uploads")
_CLUSTER_KEYS: Final = ("scheduler", "ca_file", "certificate_file", "key_file", "data_listen")
_Some = TypeVar("_Some", bound=Table)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sketch:
    """The parts of a main file that can be understood; roots keep their index in the file."""

    source: str
    base: Path
    daemon: DaemonTable | None
    http: HttpTable | None
    hub: HubTable | None
    broker: BrokerTable | None
    cluster: ClusterTable | None
    roots: tuple[tuple[int, RootTable], ...]
    policies: tuple[str, ...]

    def problem(self, key: str, observed: str, allowed: str) -> Problem:
        return Problem(file=self.source, key=key, observed=observed, allowed=allowed)


def absolute(base: Path, text: str) -> Path:
    """A path of the main file; what is relative is relative to the file's folder."""
    return Path(os.path.normpath(base / text))


def cross_problems(table: Mapping[str, Any], *, base: Path, source: str) -> tuple[Problem, ...]:
    """Every problem between keys of a parsed main file.

    Args:
        table: the parsed file, valid or not.
        base: what relative paths are relative to.
        source: named in the problems.
    """
    sketch = _sketch(table, base=base, source=source)
    return (
        *_root_names(sketch),
        *_unknown_policies(sketch),
        *_reserved_policies(sketch),
        *_overlaps(sketch),
        *_cache_overlaps(sketch),
        *_long_socket(sketch),
        *_reply_channel(sketch),
        *_token_problems(sketch),
        *_upload_root(sketch),
        *_cluster_problems(sketch),
    )


def _sketch(table: Mapping[str, Any], *, base: Path, source: str) -> _Sketch:
    roots, policies = table.get("root"), table.get("policy")
    understood = (
        (index, _understood(RootTable, root, "name", "path", "policy"))
        for index, root in enumerate(roots if isinstance(roots, list) else ())
    )
    return _Sketch(
        source=source,
        base=base,
        daemon=_understood(DaemonTable, table.get("daemon", {}), "output", "state", "executor"),
        http=_understood(HttpTable, table.get("http", {}), *_HTTP_KEYS),
        hub=_understood(HubTable, table.get("hub", {}), "cache"),
        broker=_understood(BrokerTable, table.get("broker", {}), "url", "source", "reply_to"),
        cluster=_understood(ClusterTable, table.get("cluster", {}), *_CLUSTER_KEYS),
        roots=tuple((index, root) for index, root in understood if root is not None),
        policies=tuple(policies) if isinstance(policies, dict) else (),
    )


def _understood(model: type[_Some], table: object, *keys: str) -> _Some | None:
    if not isinstance(table, dict):
        return None
    try:
        return model.model_validate({key: table[key] for key in keys if key in table})
    except (ValidationError, RecursionError):
        return None


def _root_names(sketch: _Sketch) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, root in sketch.roots:
        key = f"root[{index}].name"
        name = root.name or absolute(sketch.base, root.path).name
        if _understood(RootTable, {"name": name, "path": root.path}, "name", "path") is None:
            allowed = "a name of letters, digits and . _ -, given with name ="
            yield sketch.problem(key, f"{shown(name)} from the path", allowed)
        elif name == ROOT_NAME:
            allowed = "another name: this one holds the references that came as triggers"
            yield sketch.problem(key, f'"{name}"', allowed)
        elif name in seen:
            yield sketch.problem(key, f'"{name}" again', "a name of its own for each root")
        seen.add(name)


def _unknown_policies(sketch: _Sketch) -> Iterator[Problem]:
    known = sketch.policies
    for index, root in sketch.roots:
        if root.policy is not None and root.policy not in known:
            yield Problem(
                file=sketch.source,
                key=f"root[{index}].policy",
                observed=f'"{root.policy}"',
                allowed=f"a [policy.NAME] of this file: {', '.join(known) or 'there is none'}",
                suggestion=close_match(root.policy, known),
            )


def _reserved_policies(sketch: _Sketch) -> Iterator[Problem]:
    """The resolver calls the defaults by this name; a table of that name would never hold."""
    if BUILT_IN in sketch.policies:
        allowed = "another name: this one stands for the defaults"
        yield sketch.problem(f"policy.{BUILT_IN}", "a reserved name", allowed)


def _overlaps(sketch: _Sketch) -> Iterator[Problem]:
    """No two of the trees may hold each other: the daemon would build what it published."""
    daemon = sketch.daemon
    trees = [("daemon.output", daemon.output), ("daemon.state", daemon.state)] if daemon else []
    trees += [(f"root[{index}].path", root.path) for index, root in sketch.roots]
    places = [(key, absolute(sketch.base, text)) for key, text in trees]
    for (one, here), (other, there) in combinations(places, 2):
        if _is_one_in_the_other(here, there):
            allowed = f"neither inside nor around {one} ({here})"
            yield sketch.problem(other, f'"{there}"', allowed)


def _cache_overlaps(sketch: _Sketch) -> Iterator[Problem]:
    """The cache may lie in the state folder, but no module in it may be taken for a model."""
    if sketch.hub is None or not sketch.hub.cache:
        return
    cache = absolute(sketch.base, sketch.hub.cache)
    trees = [(f"root[{index}].path", root.path) for index, root in sketch.roots]
    if sketch.daemon is not None:
        trees.append(("daemon.output", sketch.daemon.output))
    for key, text in trees:
        here = absolute(sketch.base, text)
        if _is_one_in_the_other(here, cache):
            yield sketch.problem(
                "hub.cache", f'"{cache}"', f"neither inside nor around {key} ({here})"
            )


def _is_one_in_the_other(here: Path, there: Path) -> bool:
    """By real path, and by device and inode: a bind mount has another path."""
    inner, outer = Path(os.path.realpath(here)), Path(os.path.realpath(there))
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        return True
    return _is_above(inner, outer) or _is_above(outer, inner)


def _is_above(folder: Path, path: Path) -> bool:
    """Whether a folder that exists is a path or one of the folders above it."""
    wanted = _identity(folder)
    return wanted is not None and wanted in map(_identity, (path, *path.parents))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _long_socket(sketch: _Sketch) -> Iterator[Problem]:
    if sketch.daemon is None or sketch.http is None:
        return
    default = Path(sketch.daemon.state, SOCKET_NAME)
    socket = absolute(sketch.base, sketch.http.socket or str(default))
    length = len(os.fsencode(socket))
    if length > _LONGEST_SOCKET_BYTES:
        allowed = f"a path of at most {_LONGEST_SOCKET_BYTES} bytes"
        yield sketch.problem("http.socket", f"{length} bytes: {socket}", allowed)


def _reply_channel(sketch: _Sketch) -> Iterator[Problem]:
    """What is read again as a trigger is refused, and the refusal is sent, and so on for ever."""
    broker = sketch.broker
    if broker is None or not broker.url or not broker.reply_to:
        return
    if broker.reply_to == broker.source:
        allowed = "another name than broker.source: results are no triggers"
        yield sketch.problem("broker.reply_to", shown(broker.reply_to), allowed)
    wildcards = _WILDCARDS.get(SCHEMES[broker.url.partition("://")[0]], "")
    if any(sign in broker.reply_to for sign in wildcards):
        allowed = f"one name without {' '.join(wildcards)}: results go to one place"
        yield sketch.problem("broker.reply_to", shown(broker.reply_to), allowed)


def _token_problems(sketch: _Sketch) -> Iterator[Problem]:
    """Machines elsewhere are let in by a token only, so there must be one."""
    if sketch.http is None:
        return
    host, names = split_listen(sketch.http.listen)[0], [each.name for each in sketch.http.token]
    if host not in LOOPBACK_HOSTS and not names:
        allowed = f"a host of {', '.join(LOOPBACK_HOSTS)}, or a [[http.token]] for those who ask"
        yield sketch.problem("http.listen", f'"{sketch.http.listen}" without a token', allowed)
    if sketch.http.require_token_for_reading and not names:
        allowed = "true with a [[http.token]], or nobody could read"
        yield sketch.problem("http.require_token_for_reading", "true without a token", allowed)
    for index, name in enumerate(names):
        if name in names[:index]:
            key = f"http.token[{index}].name"
            yield sketch.problem(key, f'"{name}" again', "a name of its own for each token")


def _cluster_problems(sketch: _Sketch) -> Iterator[Problem]:
    """Whoever reaches a worker or the scheduler can run code there, so certificates come first."""
    daemon, cluster = sketch.daemon, sketch.cluster
    if daemon is None or cluster is None or daemon.executor != "dask":
        return
    files = (cluster.ca_file, cluster.certificate_file, cluster.key_file)
    if any(files) and not all(files):
        allowed = "ca_file, certificate_file and key_file together, or none of them"
        yield sketch.problem("cluster", "some of the certificates' files", allowed)
    fault = address_fault(cluster.scheduler, has_tls=all(files))
    if fault:
        yield sketch.problem("cluster.scheduler", shown(cluster.scheduler), fault)
    listen = split_address(f"tcp://{cluster.data_listen}")
    if listen is None:
        yield sketch.problem("cluster.data_listen", shown(cluster.data_listen), "HOST:PORT")
    elif not all(files) and not is_loopback(listen.host):
        allowed = "a loopback host, or certificates"
        yield sketch.problem("cluster.data_listen", shown(cluster.data_listen), allowed)


def _upload_root(sketch: _Sketch) -> Iterator[Problem]:
    """Uploads land in a root, or nothing would ever find them."""
    asked = sketch.http.uploads.root if sketch.http is not None else ""
    known = [root.name or absolute(sketch.base, root.path).name for _, root in sketch.roots]
    if asked and asked not in known:
        yield Problem(
            file=sketch.source,
            key="http.uploads.root",
            observed=f'"{asked}"',
            allowed=f"the name of a [[root]]: {', '.join(known)}",
            suggestion=close_match(asked, known),
        )
