"""The form of the evidence: plain numbers and texts, validated whole when they are read.

The child that wrote it ran a model: nothing in it is believed beyond its form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from pydantic import TypeAdapter

from tflited.convert.evidence.arrays_file import Stored
from tflited.domain.figures import FORBID_EXTRA, Check, PrunedWeight, TensorSpec
from tflited.domain.policy import Policy, Variant

NAME: Final = "evidence.json"
ARRAYS: Final = "arrays.bin"
BASELINE: Final = "baseline.tflite"
FOLDER: Final = "evidence"
"""Below the scratch folder of the child that converts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureSpec:
    """What one signature of the source takes and gives."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPair:
    """One sample and what the source made of it."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    inputs: Mapping[str, Stored]
    outputs: Mapping[str, Stored]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReference:
    """What variants are compared with."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    origin: str
    trouble: str
    pairs: Mapping[str, tuple[StoredPair, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTask:
    """What accuracy is judged on; samples and labels are read from the data anew."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    title: str
    signature: str
    output: str
    inputs: tuple[TensorSpec, ...]
    shape: tuple[int, ...]
    source: Stored
    trouble: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPruning:
    """What was pruned, and what the source computed before."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    weights: tuple[PrunedWeight, ...]
    original: StoredReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A variant that the conversion would publish.

    Attributes:
        variant: under which name.
        file: its ``.tflite`` below the set.
        proven_as: the variant it was proven as; another one where ``auto`` chose it.
        policy: under which it was.
        checks: the conversion's own.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    variant: Variant
    file: str
    proven_as: Variant
    policy: Policy
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The whole evidence."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    signatures: tuple[SignatureSpec, ...]
    is_training_aware: bool
    reference: StoredReference
    task: StoredTask | None
    pruning: StoredPruning | None
    claims: tuple[Claim, ...]


DOCUMENT: Final = TypeAdapter(Document)
