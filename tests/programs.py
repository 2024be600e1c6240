"""Programs that some tests need: a missing one skips the test, or fails it on CI."""

import os
import shutil
from typing import NoReturn

import pytest


def requires_program(program: str, install_command: str) -> pytest.MarkDecorator:
    """Marks a test, a class or (as ``pytestmark``) a module as needing a program.

    Args:
        program: its name, looked up in ``PATH``.
        install_command: what the reader of a skip should run, as in ``apt-get install gcc``.
    """
    return pytest.mark.requires_program(program, install_command)


def find_program(program: str, install_command: str) -> str:
    """Path of a program, for fixtures that start it; skips or fails the test without it."""
    found = shutil.which(program)
    if found is None:
        skip_or_fail(f"{program} is not installed: {install_command}")
    return found


def skip_or_fail(reason: str) -> NoReturn:
    """Skips the running test; with ``CI=true`` fails it, so that CI proves everything."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI runs every test, but {reason}", pytrace=False)
    pytest.skip(reason)


def check_programs(item: pytest.Item) -> None:
    """Applies the marks of ``requires_program`` to a test about to run."""
    for mark in item.iter_markers("requires_program"):
        find_program(*mark.args)
