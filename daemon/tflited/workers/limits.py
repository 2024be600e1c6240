"""Owns the resource limits of a child: one table, applied once, read back from the kernel.

Memory, processor time and file size are not here: they depend on the attempt, these do not.
"""

import resource
from typing import Final

OPEN_FILES: Final = 256
"""Reading a SavedModel and writing a set needs a few dozen."""

LIMITS: Final = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_MEMLOCK: 0,
    resource.RLIMIT_NOFILE: OPEN_FILES,
}
"""Soft and hard limit alike, so that model code cannot raise them again."""


def apply() -> None:
    """Sets every limit.

    Raises:
        OSError: the kernel refused one, or holds another value than was set.
    """
    for kind, value in LIMITS.items():
        _, hard = resource.getrlimit(kind)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (limit, limit))
        except ValueError as error:
            raise OSError(f"Resource limit {kind}: {value} was refused: {error}") from error
        if (held := resource.getrlimit(kind)) != (limit, limit):
            raise OSError(f"Resource limit {kind}: observed {held}, allowed {limit}")
