"""Owns who may raise a limit: the main file, and folders below a root that is trusted."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tflited.errors import Problem
from tflited.settings.layers import BUILT_IN_LAYER, Layer

_PREFIX: Final = "limits."


def ceiling(layers: Iterable[Layer]) -> dict[str, Any]:
    """The limits by dotted key that the defaults and the main file's policies set.

    Args:
        layers: of the main file, the nearest last.
    """
    leaves: dict[str, Any] = {}
    for layer in (BUILT_IN_LAYER, *layers):
        leaves |= {key: layer.leaves[key] for key in layer.leaves if key.startswith(_PREFIX)}
    return leaves


def raised(
    leaves: Mapping[str, Any], allowed: Mapping[str, Any], *, file: str
) -> tuple[Problem, ...]:
    """Limits that whoever may drop a model sets higher than the main file.

    Args:
        leaves: of a folder policy or an override below a root that is not trusted.
        allowed: the main file's ``ceiling``.
        file: named in the problems.
    """
    return tuple(
        Problem(
            file=file,
            key=key,
            observed=str(leaves[key]),
            allowed=f"at most {most}, which the main file sets: more only there, or below a "
            "[[root]] with trusted = true",
        )
        for key, most in allowed.items()
        if key in leaves and _number(leaves[key]) > _number(most)
    )


def _number(limit: float) -> float:
    """A limit to compare with: none at all is the highest."""
    return limit or math.inf
