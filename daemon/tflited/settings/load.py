"""Owns reading the main file: TOML, validation, absolute paths, and the checks across keys."""

import os
from importlib import resources
from pathlib import Path
from typing import Any, Final

from tflited.domain.access import HttpRules, Scope, TokenSource, UploadRules
from tflited.domain.broker import BrokerSettings
from tflited.domain.cluster import ClusterSettings, TlsFiles
from tflited.domain.hub import HubLimits
from tflited.domain.ports import Root
from tflited.domain.sandbox import SandboxDemand
from tflited.errors import ConfigurationError
from tflited.settings.cross_checks import (
    HUB_CACHE_NAME,
    REFERENCES_NAME,
    SOCKET_NAME,
    absolute,
    cross_problems,
)
from tflited.settings.http_schema import HttpTable, split_listen
from tflited.settings.layers import BUILT_IN, MODULE_KEY, anchored
from tflited.settings.main_schema import (
    BrokerTable,
    ClusterTable,
    HubTable,
    MainTable,
    RootTable,
)
from tflited.settings.model import HubSettings, Settings
from tflited.settings.problems import parse_toml, unreadable, validate

CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"


def load(*, path: Path | None = None, directory: Path | None = None) -> Settings:
    """Loads the configuration.

    Args:
        path: the main file; relative paths in it are relative to its folder.
        directory: without a main file, what the built-in paths are relative to; by default the
            present directory.

    Raises:
        ConfigurationError: with everything that is wrong, not the first thing only.
    """
    if path is None:
        content = resources.files("tflited.settings").joinpath("default.toml").read_bytes()
        base, source = Path(directory or Path.cwd()).absolute(), BUILT_IN
    else:
        content = _read(path)
        base, source = path.absolute().parent, str(path)
    return _settings(_validated(content, base=base, source=source), base=base, source=source)


def _validated(content: bytes, *, base: Path, source: str) -> MainTable:
    parsed = parse_toml(content, file=source)
    crossed = cross_problems(parsed, base=base, source=source)
    try:
        table = validate(MainTable, parsed, file=source)
    except ConfigurationError as error:
        raise ConfigurationError((*error.problems, *crossed)) from None
    if crossed:
        raise ConfigurationError(crossed)
    return table


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, os.strerror(error.errno or 0).lower()) from error


def _settings(table: MainTable, *, base: Path, source: str) -> Settings:
    daemon, http = table.daemon, table.http
    host, port = split_listen(http.listen)
    state = absolute(base, daemon.state)
    return Settings(
        output=absolute(base, daemon.output),
        state=state,
        workers=daemon.workers,
        settle_seconds=daemon.settle_seconds,
        settle_whole_seconds=daemon.settle_whole_seconds,
        scan_interval_seconds=daemon.scan_interval_seconds,
        attempt_timeout_seconds=daemon.attempt_timeout_seconds,
        drain_timeout_seconds=daemon.drain_timeout_seconds,
        rebuild_on_upgrade=daemon.rebuild_on_upgrade,
        builds_per_hour=daemon.builds_per_hour,
        removal_share=daemon.removal_share,
        removal_count=daemon.removal_count,
        queue_capacity=daemon.queue_capacity,
        http_enabled=http.enabled,
        http_host=host,
        http_port=port,
        http=_http(base, http),
        socket=absolute(base, http.socket) if http.socket else state / SOCKET_NAME,
        log_format=table.log.format,
        log_level=table.log.level,
        hub=_hub(base, state, table.hub),
        broker=_broker(base, table.broker),
        cluster=_cluster(base, table.cluster) if daemon.executor == "dask" else None,
        references=state / REFERENCES_NAME,
        roots=tuple(_root(base, root) for root in table.root),
        policies=_policies(table, base),
        source=source,
    )


def _http(base: Path, table: HttpTable) -> HttpRules:
    return HttpRules(
        tokens=tuple(
            TokenSource(
                name=token.name,
                file=absolute(base, token.file) if token.file else None,
                credential=token.credential,
                scopes=tuple(map(Scope, token.scopes)),
            )
            for token in table.token
        ),
        hosts=table.hosts,
        require_token_for_reading=table.require_token_for_reading,
        writes_per_minute=table.writes_per_minute,
        write_burst=table.write_burst,
        max_connections=table.max_connections,
        max_event_streams=table.max_event_streams,
        uploads=UploadRules(**table.uploads.model_dump()) if table.uploads.root else None,
    )


def _hub(base: Path, state: Path, table: HubTable) -> HubSettings:
    return HubSettings(
        cache=absolute(base, table.cache) if table.cache else state / HUB_CACHE_NAME,
        refresh_seconds=table.refresh_seconds,
        limits=HubLimits(
            hosts=table.hosts,
            timeout_seconds=table.timeout_seconds,
            largest_archive_bytes=table.largest_archive_bytes,
            largest_unpacked_bytes=table.largest_unpacked_bytes,
            most_files=table.most_files,
            sandbox=SandboxDemand(table.sandbox),
        ),
    )


def _broker(base: Path, table: BrokerTable) -> BrokerSettings | None:
    if not table.url:
        return None
    return BrokerSettings(
        url=table.url,
        source=table.source,
        group=table.group,
        reply_to=table.reply_to,
        credentials_file=_credentials_file(base, table.credentials_file),
        ca_file=absolute(base, table.ca_file) if table.ca_file else None,
        prefetch=table.prefetch,
    )


def _cluster(base: Path, table: ClusterTable) -> ClusterSettings:
    files = (table.ca_file, table.certificate_file, table.key_file)
    ca, certificate, key = (absolute(base, file) for file in files)
    return ClusterSettings(
        scheduler=table.scheduler,
        tls=TlsFiles(ca=ca, certificate=certificate, key=key) if all(files) else None,
        slots=table.slots,
        attempt_memory_bytes=table.attempt_memory_bytes,
        worker_ttl_seconds=table.worker_ttl_seconds,
        data_listen=table.data_listen,
        share_paths=table.share_paths,
    )


def _credentials_file(base: Path, text: str) -> Path | None:
    """The file; systemd says in a variable where it put a unit's credentials (systemd.exec(5))."""
    folder = os.environ.get(CREDENTIALS_VARIABLE, "")
    return absolute(base, text.replace(f"${{{CREDENTIALS_VARIABLE}}}", folder)) if text else None


def _root(base: Path, table: RootTable) -> Root:
    path = absolute(base, table.path)
    return Root(
        name=table.name or path.name,
        path=path,
        policy=table.policy,
        is_trusted=table.trusted,
        follow_links=table.follow_links,
        sandbox=SandboxDemand(table.sandbox),
    )


def _policies(table: MainTable, base: Path) -> dict[str, dict[str, Any]]:
    """The named policies with only the keys that they name, and absolute paths."""
    policies = {}
    for name, policy in table.policy.items():
        keys = policy.model_dump(exclude_unset=True)
        for section in ("calibration", "evaluation"):
            if "data" in keys.get(section, {}):
                keys[section]["data"] = anchored(keys[section]["data"], base)
        if keys.get(MODULE_KEY):
            keys[MODULE_KEY] = str(absolute(base, keys[MODULE_KEY]))
        policies[name] = keys
    return policies
