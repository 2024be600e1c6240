"""``tflited config check|show|explain``: the configuration and where each value came from."""

from pathlib import Path
from typing import Annotated

import typer

from tflited.cli import show
from tflited.cli.options import AsJson, Config, Directory, settings
from tflited.domain.policy import FOLDER_POLICY_NAME
from tflited.domain.ports import Root
from tflited.engine.locate import places
from tflited.errors import ConfigurationError, Problem, UsageError
from tflited.settings.explain import effective, explain
from tflited.settings.resolve import FolderPolicies

application = typer.Typer(help="Check, show and explain the configuration.", no_args_is_help=True)


@application.command("check")
def check(config: Config = None, directory: Directory = None) -> int:
    """Check the main file and every folder policy below the roots; exit 3 when one is wrong."""
    loaded = settings(config, directory)
    policies = FolderPolicies(loaded)
    count = 0
    problems: dict[Problem, None] = {}  # a file above is met again by every file below it
    for root in loaded.roots:
        for path in sorted(root.path.rglob(FOLDER_POLICY_NAME)):
            below = path.parent.relative_to(root.path)
            count += 1
            try:
                policies.resolve(root, str(below / "model"))
            except ConfigurationError as error:
                problems.update(dict.fromkeys(error.problems))
    if problems:
        raise ConfigurationError(tuple(problems))
    print(f"{loaded.source}: ok, {len(loaded.roots)} roots, {count} folder policies")
    return 0


@application.command("show")
def show_settings(config: Config = None, directory: Directory = None) -> int:
    """Print the configuration in force, defaults included."""
    print(effective(settings(config, directory)), end="")
    return 0


@application.command("explain")
def explain_policy(
    path: Annotated[str, typer.Argument(help="Absolute, ROOT/PATH or PATH below a root.")],
    config: Config = None,
    directory: Directory = None,
    json: AsJson = False,
) -> int:
    """Print the policy in force for a path, with the origin of each key."""
    loaded = settings(config, directory)
    root, below = _place(path, loaded.roots)
    resolved = FolderPolicies(loaded).resolve(root, below)
    rows = explain(resolved)
    if json:
        show.as_json({key: {"value": value, "origin": origin} for key, value, origin in rows})
    else:
        show.table(f"{root.name}/{below}", ("key", "value", "origin"), rows)
    return 0


def _place(path: str, roots: tuple[Root, ...]) -> tuple[Root, str]:
    absolute = str(Path(path).absolute())
    candidates = [*places(absolute, roots), *places(path, roots)]
    existing = [place for place in candidates if (place.root.path / place.path).exists()]
    for place in existing or candidates:
        return place.root, place.path
    raise UsageError(
        f"{path}: outside the roots, which are {', '.join(str(root.path) for root in roots)}.",
        hint="name a path below a root",
    )
