"""Names the failure of an attempt that went over a limit: observed, allowed, and the key."""

from enum import StrEnum
from typing import Final

from tflited.domain.job import Failure
from tflited.domain.limits import Limits
from tflited.domain.model import Snapshot


class Limit(StrEnum):
    """A limit that ended an attempt; the value is the failure's code."""

    WALL = "wall_limit"
    CPU = "cpu_limit"
    MEMORY = "memory_limit"
    SCRATCH = "scratch_limit"
    OUTPUT = "output_limit"
    MODEL = "model_limit"

    def failure(self, *, key: str, observed: str, allowed: str, where: str = "") -> Failure:
        """The bounded, named failure of a breach.

        Args:
            key: the policy's key that allows more.
            observed: what was seen, with its unit.
            allowed: what the policy allows, with its unit.
            where: the stage that the child was in; empty where there was no child.
        """
        place = f" in stage {where}" if where else ""
        return Failure(
            code=self.value,
            message=f"{_SUBJECTS[self]}{place}: observed {observed}, allowed {allowed}.",
            hint=f"{_NEXT[self]}, or raise {key} in the policy; a folder policy may go above the "
            "main file's only below a root with trusted = true",
            is_retryable=self not in {Limit.MODEL, Limit.OUTPUT},
        )


_SUBJECTS: Final = {
    Limit.WALL: "The attempt took too long and was ended",
    Limit.CPU: "The attempt used too much processor time and was ended",
    Limit.MEMORY: "The attempt used too much memory and was ended",
    Limit.SCRATCH: "The attempt wrote too much and was ended",
    Limit.OUTPUT: "The set is too large and was not published",
    Limit.MODEL: "The model is too large",
}
_NEXT: Final = {
    Limit.WALL: "ask for fewer variants or samples; a variant whose kernel hangs is found by "
    "asking for one at a time",
    Limit.CPU: "ask for fewer variants or samples",
    Limit.MEMORY: "use a smaller model, or look for an operator that makes a huge constant",
    Limit.SCRATCH: "ask for fewer variants",
    Limit.OUTPUT: "ask for fewer variants, or switch c_array off",
    Limit.MODEL: "remove what does not belong to the model",
}


def excess(snapshot: Snapshot, limits: Limits) -> Failure | None:
    """The failure of a model that has more files or bytes than a policy allows; None where not.

    Args:
        snapshot: the model as it was last seen.
        limits: of its policy.
    """
    files, total = len(snapshot.files), snapshot.size_bytes
    if 0 < limits.model_files < files:
        return Limit.MODEL.failure(
            key="limits.model_files", observed=f"{files} files", allowed=str(limits.model_files)
        )
    if 0 < limits.model_bytes < total:
        return Limit.MODEL.failure(
            key="limits.model_bytes", observed=f"{total} bytes", allowed=str(limits.model_bytes)
        )
    return None
