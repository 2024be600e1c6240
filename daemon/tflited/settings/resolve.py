"""Owns finding the policy in force: built-in, named, folders from the root down, trigger on top."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from tflited.domain.policy import ResolvedPolicy
from tflited.domain.ports import Root
from tflited.domain.trigger import Trigger
from tflited.errors import ConfigurationError, Problem, Refusal, TriggerRefusedError
from tflited.settings.ceiling import ceiling, raised
from tflited.settings.folder_file import FolderFiles
from tflited.settings.layers import (
    BUILT_IN,
    Layer,
    anchor_data,
    contradictions,
    escaping_globs,
    leaves_of,
    merge,
    named_leaves,
    untrusted,
    untrusted_lambda,
)
from tflited.settings.model import Settings
from tflited.settings.problems import close_match, validate
from tflited.settings.schema import PolicyTable

_DEFAULT_NAME = "default"
_MOST_MERGED: Final = 20_000
"""Merged policies that are kept; edits leave old ones behind."""


class FolderPolicies:
    """Implements ``PolicyResolver`` over the main file's policies and the folders' own.

    Every call looks at the identity of each file on the way, so that an edit holds at once; a
    file is parsed only when it is another one.

    Args:
        settings: the loaded configuration.
        drafts: folder to a file that stands for its own policy, to see what it would change.
    """

    def __init__(self, settings: Settings, drafts: Mapping[Path, Path] | None = None) -> None:
        self._settings = settings
        self._root_paths = tuple(root.path for root in settings.roots)
        self._trusted = tuple(root.path for root in settings.roots if root.is_trusted)
        self._files = FolderFiles(self._root_paths, drafts)
        self._named = {name: _named(settings, name) for name in settings.policies}
        self._merged: dict[tuple[str, *tuple[Layer, ...]], ResolvedPolicy] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The named policies of the main file."""
        return tuple(self._named)

    def resolve(self, root: Root, path: str) -> ResolvedPolicy:
        """The policy of the model at a path below the root.

        Raises:
            ConfigurationError: policy files on the way are wrong, with the problems of all.
        """
        name = self._base_name(root)
        layers = self._layers(root, path, name)
        resolved = self._merged.get((name, *layers))
        if resolved is None:
            resolved = merge(layers, name=name)
            if problems := contradictions(resolved):
                raise ConfigurationError(problems)
            self._keep((name, *layers), resolved)
        if not root.is_trusted and (problems := untrusted_lambda(resolved)):
            raise ConfigurationError(problems)
        return resolved

    def resolve_trigger(self, root: Root, path: str, trigger: Trigger) -> ResolvedPolicy:
        """The policy of a model with a trigger's named policy and override on top.

        Relative data globs of an override are relative to the root.

        Raises:
            TriggerRefusedError: an unknown policy or wrong keys, all told at once.
            ConfigurationError: policy files on the way are wrong.
        """
        asked = self._asked(root, trigger)
        name = self._base_name(root)
        layers = (*self._layers(root, path, name), *asked)
        resolved = merge(layers, name=trigger.policy_name or name)
        problems = contradictions(resolved)
        if not root.is_trusted:
            problems += untrusted_lambda(resolved)
        if problems:
            raise _refused(trigger, problems)
        return resolved

    def _keep(self, key: tuple[str, *tuple[Layer, ...]], resolved: ResolvedPolicy) -> None:
        """Keeps a merged policy: the models of a folder share one, and a scan asks for each."""
        if len(self._merged) >= _MOST_MERGED:
            self._merged.clear()
        self._merged[key] = resolved

    def _base_name(self, root: Root) -> str:
        if root.policy is not None:
            return root.policy
        return _DEFAULT_NAME if _DEFAULT_NAME in self._settings.policies else BUILT_IN

    def _layers(self, root: Root, path: str, name: str) -> tuple[Layer, ...]:
        layers = [] if name == BUILT_IN else [self._named[name]]
        problems: list[Problem] = []
        most = ceiling(layers)
        for folder in _folders(root.path, path):
            try:
                layer = self._files.layer(folder)
            except ConfigurationError as error:
                problems.extend(error.problems)
                continue
            if layer is not None:
                layers.append(layer)
                problems += untrusted(layer.leaves, root, self._trusted, file=layer.origin)
                problems += () if root.is_trusted else raised(layer.leaves, most, file=layer.origin)
        if problems:
            raise ConfigurationError(tuple(problems))
        return tuple(layers)

    def _asked(self, root: Root, trigger: Trigger) -> Iterator[Layer]:
        """The layers of a trigger; every problem is found before the first is used."""
        problems = (*self._unknown_name(trigger), *self._wrong_override(root, trigger))
        if problems:
            raise _refused(trigger, problems)
        return self._trigger_layers(root, trigger)

    def _unknown_name(self, trigger: Trigger) -> Iterator[Problem]:
        name, known = trigger.policy_name, tuple(self._settings.policies)
        if name is not None and name not in known:
            yield Problem(
                file=f"trigger {trigger.id}",
                key="policy.name",
                observed=f'"{name}"',
                allowed=f"a [policy.NAME] of the main file: {', '.join(known) or 'there is none'}",
                suggestion=close_match(name, known),
            )

    def _wrong_override(self, root: Root, trigger: Trigger) -> tuple[Problem, ...]:
        file = f"trigger {trigger.id}"
        try:
            table = validate(PolicyTable, trigger.override, file=file, under="policy.override")
        except ConfigurationError as error:
            return error.problems
        leaves = named_leaves(table)
        escaping = escaping_globs(leaves, root.path, self._root_paths, file=file)
        code = untrusted(leaves, root, self._trusted, file=file)
        over = () if root.is_trusted else raised(leaves, self._ceiling(root, trigger), file=file)
        return (*escaping, *code, *over)

    def _ceiling(self, root: Root, trigger: Trigger) -> dict[str, Any]:
        """What the main file's policies allow, the one that the trigger names included."""
        names = (self._base_name(root), trigger.policy_name)
        return ceiling(self._named[name] for name in names if name in self._named)

    def _trigger_layers(self, root: Root, trigger: Trigger) -> Iterator[Layer]:
        if trigger.policy_name is not None:
            yield self._named[trigger.policy_name]
        leaves = named_leaves(PolicyTable.model_validate(trigger.override))
        yield Layer(origin=f"trigger {trigger.id}", leaves=anchor_data(leaves, root.path))


def _named(settings: Settings, name: str) -> Layer:
    origin = f"{settings.source} [policy.{name}]"
    return Layer(origin=origin, leaves=leaves_of(settings.policies[name]))


def _refused(trigger: Trigger, problems: Iterable[Problem]) -> TriggerRefusedError:
    lines = "\n".join(f"  {problem}" for problem in problems)
    return TriggerRefusedError(
        f"Trigger {trigger.id} asks for a policy that cannot be:\n{lines}",
        hint="correct the trigger document and send it again",
        refusal=Refusal.POLICY,
    )


def _folders(root: Path, path: str) -> Iterator[Path]:
    """The root's directory, each directory down to the model, and the model itself."""
    folder = root
    yield folder
    for part in PurePosixPath(path).parts:
        folder /= part
        yield folder
