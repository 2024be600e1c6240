"""Owns reading ``NAME.hub.toml`` files: a reference, or every problem of the file at once."""

import os
from collections.abc import Collection
from pathlib import Path

from tflited.domain.hub import HubReference, check_address, is_address, shown
from tflited.errors import ConfigurationError, HubError, Problem
from tflited.settings.folder_file import content_of
from tflited.settings.main_schema import HubReferenceTable
from tflited.settings.problems import parse_toml, validate


def read_reference(file: Path, hosts: Collection[str]) -> HubReference:
    """Reads a reference.

    Args:
        file: a regular file; a path in it is relative to its folder.
        hosts: which an address may name, as in ``HubLimits``.

    Returns:
        The reference; a path in it is absolute and not looked at.

    Raises:
        ConfigurationError: the file is wrong, or its handle is not allowed.
    """
    table = validate(
        HubReferenceTable, parse_toml(content_of(file), file=str(file)), file=str(file)
    )
    if is_address(table.handle):
        _check(file, table.handle, hosts)
        handle = table.handle
    else:
        handle = os.path.normpath(file.parent / table.handle)
    return HubReference(
        handle=handle,
        input_shape=table.input_shape,
        signature=table.signature or "",
        tags=table.tags,
    )


def _check(file: Path, handle: str, hosts: Collection[str]) -> None:
    try:
        check_address(handle, hosts)
    except HubError as error:
        problem = Problem(
            file=str(file),
            key="handle",
            observed=f'"{shown(handle)}"',
            allowed=f"{error.message} {error.hint}",
        )
        raise ConfigurationError((problem,)) from error
