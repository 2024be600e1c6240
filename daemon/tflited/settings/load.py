"""Owns reading the main file: TOML, validation, absolute paths, and the checks across keys."""

import os
from collections.abc import Iterator
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from tflited.domain.ports import Root
from tflited.errors import ConfigurationError, Problem
from tflited.settings.layers import BUILT_IN, anchored
from tflited.settings.model import Settings
from tflited.settings.problems import close_match, parse_toml, unreadable, validate
from tflited.settings.schema import MainTable, RootTable, split_listen

_LONGEST_SOCKET_BYTES: Final = 107
"""``sun_path`` of unix(7) holds 108 bytes with its final zero."""

_SOCKET_NAME: Final = "tflited.sock"


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
    table = validate(MainTable, parse_toml(content, file=source), file=source)
    return _checked(_settings(table, base=base, source=source), table)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, os.strerror(error.errno or 0).lower()) from error


def _settings(table: MainTable, *, base: Path, source: str) -> Settings:
    daemon, http = table.daemon, table.http
    host, port = split_listen(http.listen)
    state = _absolute(base, daemon.state)
    return Settings(
        output=_absolute(base, daemon.output),
        state=state,
        workers=daemon.workers,
        settle_seconds=daemon.settle_seconds,
        scan_interval_seconds=daemon.scan_interval_seconds,
        attempt_timeout_seconds=daemon.attempt_timeout_seconds,
        drain_timeout_seconds=daemon.drain_timeout_seconds,
        rebuild_on_upgrade=daemon.rebuild_on_upgrade,
        http_enabled=http.enabled,
        http_host=host,
        http_port=port,
        socket=_absolute(base, http.socket) if http.socket else state / _SOCKET_NAME,
        log_format=table.log.format,
        log_level=table.log.level,
        roots=tuple(_root(base, root) for root in table.root),
        policies=_policies(table, base),
        source=source,
    )


def _absolute(base: Path, text: str) -> Path:
    return Path(os.path.normpath(base / text))


def _root(base: Path, table: RootTable) -> Root:
    path = _absolute(base, table.path)
    return Root(name=table.name or path.name, path=path, policy=table.policy)


def _policies(table: MainTable, base: Path) -> dict[str, dict[str, Any]]:
    """The named policies with only the keys that they name, and absolute data globs."""
    policies = {}
    for name, policy in table.policy.items():
        keys = policy.model_dump(exclude_unset=True)
        for section in ("calibration", "evaluation"):
            if "data" in keys.get(section, {}):
                keys[section]["data"] = anchored(keys[section]["data"], base)
        policies[name] = keys
    return policies


def _checked(settings: Settings, table: MainTable) -> Settings:
    problems = (
        *_root_names(settings, table),
        *_unknown_policies(settings),
        *_overlaps(settings),
        *_long_socket(settings),
    )
    if problems:
        raise ConfigurationError(problems)
    return settings


def _root_names(settings: Settings, table: MainTable) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, root in enumerate(settings.roots):
        key = f"root[{index}].name"
        if table.root[index].name is None:
            yield from _unfit_name(settings, root.name, table.root[index], key)
        if root.name in seen:
            yield _problem(settings, key, f'"{root.name}" again', "a name of its own for each root")
        seen.add(root.name)


def _unfit_name(settings: Settings, name: str, table: RootTable, key: str) -> Iterator[Problem]:
    try:
        validate(RootTable, {"name": name, "path": table.path}, file=settings.source)
    except ConfigurationError:
        allowed = "a name of letters, digits and . _ -, given with name ="
        yield _problem(settings, key, f'"{name}" from the path', allowed)


def _unknown_policies(settings: Settings) -> Iterator[Problem]:
    known = tuple(settings.policies)
    for index, root in enumerate(settings.roots):
        if root.policy is not None and root.policy not in known:
            yield Problem(
                file=settings.source,
                key=f"root[{index}].policy",
                observed=f'"{root.policy}"',
                allowed=f"a [policy.NAME] of this file: {', '.join(known) or 'there is none'}",
                suggestion=close_match(root.policy, known),
            )


def _overlaps(settings: Settings) -> Iterator[Problem]:
    """No two of the trees may hold each other: the daemon would build what it published."""
    trees = [("daemon.output", settings.output), ("daemon.state", settings.state)]
    trees += [(f"root[{index}].path", root.path) for index, root in enumerate(settings.roots)]
    for (one, here), (other, there) in combinations(trees, 2):
        inner, outer = Path(os.path.realpath(here)), Path(os.path.realpath(there))
        if inner.is_relative_to(outer) or outer.is_relative_to(inner):
            allowed = f"neither inside nor around {one} ({here})"
            yield _problem(settings, other, f'"{there}"', allowed)


def _long_socket(settings: Settings) -> Iterator[Problem]:
    length = len(os.fsencode(settings.socket))
    if length > _LONGEST_SOCKET_BYTES:
        allowed = f"a path of at most {_LONGEST_SOCKET_BYTES} bytes"
        yield _problem(settings, "http.socket", f"{length} bytes: {settings.socket}", allowed)


def _problem(settings: Settings, key: str, observed: str, allowed: str) -> Problem:
    return Problem(file=settings.source, key=key, observed=observed, allowed=allowed)
