"""What the documentation says, as far as a machine can check it."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from tflited.cli import application
from tflited.domain.job import TriggerSource
from tflited.triggers.document import parse

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("b*/*.md")])


def text(name: str) -> str:
    """A page of the documentation."""
    return (CHECKOUT / name).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file that is there."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_pictures_are_small_and_told_in_words() -> None:
    """Every picture is shown somewhere, has a text in its place, and does not weigh on a clone."""
    markdown = r"!\[([^\]]+)\]\((?:docs/)?(pictures/[^)]+)\)"
    html = r"<img src=\"(pictures/[^\"]+)\" [^>]*alt=\"([^\"]+)\""
    pages = "".join(page.read_text("utf-8") for page in PAGES)
    shown = {name for _, name in re.findall(markdown, pages)}
    shown |= {name for name, _ in re.findall(html, pages)}
    folder = CHECKOUT / "docs" / "pictures"
    sizes = {f"pictures/{path.name}": path.stat().st_size for path in folder.glob("*.png")}
    assert shown
    assert shown == set(sizes)
    assert max(sizes.values()) < 150_000
    assert sum(sizes.values()) < 1_000_000


def test_the_example_trigger_is_one() -> None:
    """Who copies the document from the page sends one that is accepted, key by key."""
    (example,) = re.findall(r"```json\n(.*?)```", text("docs/triggers.md"), re.DOTALL)
    trigger = parse(example.encode(), TriggerSource.SPOOL)
    document = json.loads(example)
    assert (trigger.id, trigger.path) == (document["id"], document["model"]["path"])


def test_every_decision_is_listed() -> None:
    """The list of decisions links every page in its folder."""
    index = text("docs/adr/README.md")
    pages = [path.name for path in (CHECKOUT / "docs" / "adr").glob("0*.md")]
    assert pages
    assert not [name for name in pages if f"]({name})" not in index]


def test_every_command_is_listed() -> None:
    """The README's table of commands names every command there is."""
    commands = list(getattr(get_command(application), "commands", {}))
    assert commands
    assert not [name for name in commands if f"`tflited {name}" not in text("README.md")]


def test_every_dependency_is_argued() -> None:
    """Each direct dependency has its line of reason."""
    project = tomllib.loads(text("pyproject.toml"))
    groups = project["dependency-groups"].values()
    lines = [*project["project"]["dependencies"], *(line for group in groups for line in group)]
    declared = [re.split(r"[\[<>=]", line)[0] for line in lines if isinstance(line, str)]
    page = text("docs/dependencies.md")
    assert declared
    assert not [name for name in declared if not re.search(rf"(?<![\w-]){name}(?![\w-])", page)]
