"""How many sets may leave the output tree by themselves, and from when on a person is asked."""

from dataclasses import dataclass

WINDOW_SECONDS = 600.0
"""Sets that left within this time count together: slow mass removals are mass removals, too."""

_FEWEST = 2
"""Of a root that became empty, the fewest models that a person is asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeRules:
    """When the removal of outputs waits for ``tflited confirm``.

    Attributes:
        share: it waits where more than this share of a root's models leave, and at least
            ``count`` of them; also where all of them do, two or more. 1 lets everything go.
        count: fewer than this never wait, unless they are all.
    """

    share: float = 0.5
    count: int = 10

    def holds(self, *, leaving: int, staying: int) -> bool:
        """Whether so many sets may not leave unasked.

        Args:
            leaving: models of a root whose sets would be archived or removed, or were lately.
            staying: models that are still there.
        """
        if self.share >= 1:
            return False
        if staying == 0:
            return leaving >= min(_FEWEST, self.count)
        return leaving >= self.count and leaving > self.share * (leaving + staying)
