"""What a variant costs to run: counted from the file, and measured on the converting host."""

from dataclasses import dataclass
from typing import ClassVar

_FORBID_EXTRA: dict[str, str] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one invocation takes, counted from the file's shapes with a dynamic batch of 1.

    Attributes:
        macs: multiply-accumulates of the operators that can be counted, over all signatures.
        uncounted: operators that multiply and cannot be counted, such as ``WHILE``.
        activation_bytes: greatest sum of tensors that are alive at one operator. It is the least
            that an arena needs: weights, the kernels' scratch and padding come on top. None where
            a shape is only known at run time.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID_EXTRA
    macs: int
    uncounted: tuple[str, ...] = ()
    activation_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long LiteRT takes for one invocation on the host that converted.

    Attributes:
        runs: invocations that were timed; 0 where it could not be measured.
        threads: of the interpreter.
        median_ms: median time.
        p90_ms: the time that nine of ten invocations keep.
        reason: why nothing was measured; empty when it was.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID_EXTRA
    runs: int
    threads: int
    median_ms: float | None = None
    p90_ms: float | None = None
    reason: str = ""
