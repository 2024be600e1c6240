"""Writes the manual pages from the command line itself: the program's, and one for each command.

The format is man(7) with the macros that man-db and mandoc know. Run as
``python packaging/manual.py DIRECTORY``.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from tflited import __version__
from tflited.cli import application

if TYPE_CHECKING:
    from typer._click.core import Command, Parameter  # typer brings a click of its own

PROGRAM: Final = "tflited"
EXIT_STATUS: Final = (
    ("0", "Done."),
    ("1", "The command failed, or found something that needs mending."),
    ("2", "The command line is wrong."),
    ("3", "The daemon cannot start here: configuration, permissions, or a corrupt job store."),
)
FILES: Final = (
    ("/etc/tflited/tflited.toml", "The main file, unless --config or --directory name another."),
    ("/srv/tflited/models", "The watched folder of the packaged main file."),
    ("/srv/tflited/published", "What is published for it."),
    ("/var/lib/tflited", "The job store and scratch space."),
)


def main() -> None:
    """Writes every page into the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    directory: Path = parser.parse_args().directory
    for name, text in pages().items():
        (directory / f"{name}.1").write_text(text)


def pages() -> dict[str, str]:
    """The text of every manual page by its name, such as ``tflited-why``."""
    group = typer.main.get_command(application)
    found = dict(_commands(group, PROGRAM))
    names = [name for name in found if name != PROGRAM]
    return {
        name: "\n".join(_page(name, command, names if name == PROGRAM else [])) + "\n"
        for name, command in found.items()
    }


def _commands(command: "Command", name: str) -> Iterator[tuple[str, "Command"]]:
    yield name, command
    for child, each in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(each, f"{name}-{child}")


def _page(name: str, command: "Command", others: list[str]) -> Iterator[str]:
    summary, *paragraphs = (command.help or "").strip().split("\n\n")
    yield f'.TH "{escape(name.upper())}" 1 "" "{PROGRAM} {__version__}" "{PROGRAM}"'
    yield from (".SH NAME", rf"{escape(name)} \- {escape(_flat(summary).rstrip('.'))}")
    yield from (".SH SYNOPSIS", f".B {escape(name.replace('-', ' '))}", escape(_usage(command)))
    yield from (".SH DESCRIPTION", escape(_flat(summary)))
    for paragraph in paragraphs:
        yield from (".PP", escape(_flat(paragraph)))
    records = [record for each in command.params if (record := _record(each, command))]
    if records:
        yield ".SH OPTIONS"
    for heading, text in records:
        yield from (".TP", f".B {escape(heading)}", escape(_flat(text)))
    if others:
        yield from (".SH COMMANDS", "Each has a page of its own:")
        yield from (f".BR {escape(other)} (1)," for other in others[:-1])
        yield f".BR {escape(others[-1])} (1)."
        yield ".SH FILES"
        yield from _list(FILES)
    yield ".SH EXIT STATUS"
    yield from _list(EXIT_STATUS)
    if not others:
        yield from (".SH SEE ALSO", f".BR {PROGRAM} (1)")


def _list(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for heading, text in rows:
        yield from (".TP", f".B {escape(heading)}", escape(text))


def _usage(command: "Command") -> str:
    context = command.context_class(command, info_name="")
    return " ".join(command.collect_usage_pieces(context))


def _record(parameter: "Parameter", command: "Command") -> tuple[str, str] | None:
    """An option or argument as its heading and its meaning; None for one that is hidden."""
    context = command.context_class(command, info_name="")
    shown = parameter.get_help_record(context)
    return (shown[0], shown[1]) if shown else None


def _flat(text: str) -> str:
    return " ".join(text.split())


def escape(text: str) -> str:
    r"""Text that roff takes literally: no control line, no escape, hyphens one can search for."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    main()
