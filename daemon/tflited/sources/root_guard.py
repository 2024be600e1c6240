"""Tells a root that lost its models from one that is not there; pure.

The rule: a directory is judged by what is in it. It is taken as it is when it holds models it held
before, whatever its inode, since folders are renamed over, restored and mounted again. It is an
outage when it is empty although models were there and no event told that they went, or when it
lies on another device and fewer than half of its models are there: that is what a failed mount and
a wrong disk look like. ``accept`` says that it is meant.
"""

from collections.abc import Collection
from dataclasses import dataclass

Identity = tuple[int, int]
"""Device and inode of a directory."""


@dataclass(slots=True)
class RootGuard:
    """What is remembered of a root's own directory.

    Attributes:
        name: the root's.
        identity: as it was when it was last believed.
        is_accepted: the next look is believed whatever it finds.
    """

    name: str
    identity: Identity | None = None
    is_accepted: bool = False

    def accept(self) -> None:
        """Believes the next look."""
        self.is_accepted = True

    def objection(
        self,
        now: Identity,
        *,
        known: Collection[str],
        found: Collection[str],
        is_announced: bool,
    ) -> str:
        """Why a look at the whole root is not to be believed; "" when it is.

        Args:
            now: device and inode of the directory that was looked at.
            known: the models that were there.
            found: the models that are there.
            is_announced: events told of every model that is no longer there.
        """
        reason = (
            "" if self.is_accepted else self._reason(now, known, found, is_announced=is_announced)
        )
        if not reason:
            self.identity, self.is_accepted = now, False
        return reason

    def _reason(
        self, now: Identity, known: Collection[str], found: Collection[str], *, is_announced: bool
    ) -> str:
        is_other_device = self.identity is not None and now[0] != self.identity[0]
        if not known:
            return ""
        if not found and (is_other_device or not is_announced):
            return (
                f"it is empty, and {len(known)} models were there; nothing counts as removed."
                f" If that is meant: tflited confirm {self.name}"
            )
        present = sum(path in found for path in known)
        if is_other_device and 2 * present < len(known):
            return (
                f"it is another device ({now[0]}, it was {self.identity and self.identity[0]}) with"
                f" {present} of the {len(known)} models that were there; nothing counts as removed."
                f" If that is meant: tflited confirm {self.name}"
            )
        return ""
