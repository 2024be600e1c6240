"""Numbered versions of one model, ``net/1`` and ``net/2``: which of them is the newest."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from tflited.domain.model import ModelId
from tflited.domain.observation import Sight
from tflited.domain.policy import Versions
from tflited.domain.status import Phase
from tflited.engine.models import Entry, Models

_NO_STAND_IN = frozenset({Phase.FAILED, Phase.REFUSED, Phase.POLICY_ERROR})


def siblings(models: Models, model: ModelId) -> Iterator[Entry]:
    """The other versions that are there, in no order; none for a model without a number."""
    if model.version is None:
        return
    family = models.versions.get((model.root, str(PurePosixPath(model.path).parent)), set())
    for other in family - {model}:
        if (entry := models.entries.get(other)) is not None:
            yield entry


def newer(models: Models, model: ModelId) -> ModelId | None:
    """The newest version above a model that can take its place.

    One that settles, is refused or failed cannot: the last good version stays.
    """
    able = [
        entry.observation.model
        for entry in siblings(models, model)
        if entry.observation.sight is Sight.ADMITTED
        and (entry.decision is None or entry.decision.phase not in _NO_STAND_IN)
    ]
    best = max([*able, model], key=_rank)
    return None if best == model else best


def older(models: Models, model: ModelId) -> list[Entry]:
    """The versions below a model that depend on it: their policy builds only the newest."""
    return [
        entry
        for entry in siblings(models, model)
        if entry.decision is not None
        and (resolved := entry.decision.resolved) is not None
        and resolved.policy.versions is Versions.NEWEST
        and _rank(entry.observation.model) < _rank(model)
    ]


def twins(models: Models, model: ModelId) -> list[ModelId]:
    """Versions of the same number under another name, such as ``1`` and ``001``."""
    others = (entry.observation.model for entry in siblings(models, model))
    return sorted(other for other in others if other.version == model.version)


def _rank(model: ModelId) -> tuple[int, int]:
    """By number; of equal ones the shorter name is the newer."""
    return model.version or 0, -len(model.path)
