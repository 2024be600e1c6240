"""Owns showing configuration to people: each key of a policy with its origin, and the whole."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from tflited.domain.broker import BrokerSettings
from tflited.domain.cluster import ClusterSettings
from tflited.domain.policy import Calibration, Policy, ResolvedPolicy
from tflited.settings.layers import leaves_of
from tflited.settings.model import Settings
from tflited.settings.problems import masked


def explain(resolved: ResolvedPolicy) -> tuple[tuple[str, str, str], ...]:
    """Every key of a policy as (dotted key, value as in TOML, origin); credentials are masked."""
    values = _values(resolved.policy)
    return tuple((key, toml_value(values[key]), origin) for key, origin in resolved.origins.items())


def effective(settings: Settings) -> str:
    """The configuration in force as the text of a main file, every default spelled out.

    Credentials in the addresses of hooks are masked: people paste this into reports.
    """
    return "\n".join(
        (
            *_daemon(settings),
            *_http_and_log(settings),
            *_hub(settings),
            *_broker(settings.broker),
            *_cluster(settings.cluster),
            *_roots(settings),
        )
    )


def toml_value(value: Any) -> str:
    """A plain value as TOML writes it, with credentials masked."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # JSON's escapes are TOML's, except for the delete character.
            return json.dumps(masked(value), ensure_ascii=False).replace("\x7f", "\\u007F")
        case list() | tuple():
            return f"[{', '.join(toml_value(item) for item in value)}]"
        case Mapping():
            items = (f"{toml_value(key)} = {toml_value(item)}" for key, item in value.items())
            return f"{{{', '.join(items)}}}"
        case _:
            return str(value)


def _values(policy: Policy) -> dict[str, Any]:
    table = asdict(policy)
    table["calibration"] = table["calibration"] or asdict(Calibration())
    for key in ("data", "metric"):
        table["evaluation"][key] = table["evaluation"][key] or ""
    shape = table["input_shape"]
    table["input_shape"] = shape[""] if set(shape) == {""} else shape
    return leaves_of(table)


def _daemon(settings: Settings) -> Iterator[str]:
    yield f"# from {settings.source}\n\n[daemon]"
    yield f"output = {toml_value(str(settings.output))}"
    yield f"state = {toml_value(str(settings.state))}"
    yield f"workers = {toml_value(settings.workers or 'auto')}"
    for key in (
        "settle_seconds",
        "settle_whole_seconds",
        "scan_interval_seconds",
        "attempt_timeout_seconds",
        "drain_timeout_seconds",
        "rebuild_on_upgrade",
        "queue_capacity",
    ):
        yield f"{key} = {toml_value(getattr(settings, key))}"
    yield f"executor = {toml_value('local' if settings.cluster is None else 'dask')}"


def _http_and_log(settings: Settings) -> Iterator[str]:
    host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
    yield f"\n[http]\nenabled = {toml_value(settings.http_enabled)}"
    yield f"listen = {toml_value(f'{host}:{settings.http_port}')}"
    yield f"socket = {toml_value(str(settings.socket))}"
    for key in (
        "hosts",
        "require_token_for_reading",
        "writes_per_minute",
        "write_burst",
        "max_connections",
        "max_event_streams",
    ):
        yield f"{key} = {toml_value(getattr(settings.http, key))}"
    for token in settings.http.tokens:
        yield f"\n[[http.token]]\nname = {toml_value(token.name)}"
        place = ("credential", token.credential) if token.file is None else ("file", token.file)
        yield f"{place[0]} = {toml_value(str(place[1]))}"
        yield f"scopes = {toml_value(token.scopes)}"
    if settings.http.uploads is not None:
        yield "\n[http.uploads]"
        for key, value in asdict(settings.http.uploads).items():
            yield f"{key} = {toml_value(value)}"
    yield f"\n[log]\nformat = {toml_value(settings.log_format)}"
    yield f"level = {toml_value(settings.log_level)}"


def _hub(settings: Settings) -> Iterator[str]:
    hub = settings.hub
    yield f"\n[hub]\nhosts = {toml_value(hub.limits.hosts)}"
    yield f"cache = {toml_value(str(hub.cache))}"
    yield f"refresh_seconds = {toml_value(hub.refresh_seconds)}"
    for key in ("timeout_seconds", "largest_archive_bytes", "largest_unpacked_bytes", "most_files"):
        yield f"{key} = {toml_value(getattr(hub.limits, key))}"
    yield f"sandbox = {toml_value(hub.limits.sandbox.value)}"


def _broker(broker: BrokerSettings | None) -> Iterator[str]:
    yield "\n[broker]"
    for key, value in asdict(broker or BrokerSettings(url="")).items():
        yield f"{key} = {toml_value(str(value or '') if key.endswith('_file') else value)}"


def _cluster(cluster: ClusterSettings | None) -> Iterator[str]:
    yield "\n[cluster]"
    known = cluster or ClusterSettings(scheduler="")
    yield f"scheduler = {toml_value(known.scheduler)}"
    for key in ("ca", "certificate", "key"):
        yield f"{key}_file = {toml_value(str(getattr(known.tls, key, '')))}"
    for key in (
        "slots",
        "attempt_memory_bytes",
        "worker_ttl_seconds",
        "data_listen",
        "share_paths",
    ):
        yield f"{key} = {toml_value(getattr(known, key))}"


def _roots(settings: Settings) -> Iterator[str]:
    for root in settings.roots:
        yield f"\n[[root]]\nname = {toml_value(root.name)}\npath = {toml_value(str(root.path))}"
        if root.policy is not None:
            yield f"policy = {toml_value(root.policy)}"
        yield f"trusted = {toml_value(root.is_trusted)}"
        yield f"follow_links = {toml_value(root.follow_links)}"
        yield f"sandbox = {toml_value(root.sandbox.value)}"
    for name, table in settings.policies.items():
        yield f"\n[policy.{toml_value(name)}]"
        for key, value in leaves_of(table).items():
            yield f"{key} = {toml_value(value)}"
    yield ""
