"""Publication as the engine sees it: what a set is published under, and the port of the tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tflited.domain.job import Job
from tflited.domain.manifest import Manifest
from tflited.domain.model import Digest, ModelId
from tflited.domain.policy import Policy
from tflited.domain.report import BuildReport, ReportDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A set in the output tree."""

    directory: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRecords:
    """What a set says of itself: both records are of one publication.

    ``manifest`` is None where it cannot be read.
    """

    report: ReportDocument
    manifest: Manifest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishKey:
    """The digests and versions a manifest records."""

    build_key: Digest
    input_key: Digest
    model: Digest
    policy: Digest
    data: Digest
    toolchain: Mapping[str, str]


class Publisher(Protocol):
    """The output tree."""

    def publish(
        self, job: Job, policy: Policy, key: PublishKey, report: BuildReport, scratch: Path
    ) -> Published:
        """Replaces a model's set as one with what the child left below ``scratch/set``.

        Raises:
            OutputError: what the child left is not what it said, or the place is taken.
            StoragePausedError: the output is full or read-only.
            StorageFailedError: an fsync failed.
        """
        ...

    def manifest(self, model: ModelId, save_to: str | None = None) -> Manifest | None:
        """The manifest of a model's present set; None without a readable one."""
        ...

    def records(self, model: ModelId, save_to: str | None = None) -> PublishedRecords | None:
        """Report and manifest of a model's present set, read without following links."""
        ...

    def damage(self, manifest: Manifest) -> str:
        """What a glance finds wrong with the files of a present set; empty where nothing is.

        Compares names, kinds and sizes with the manifest, and reads no content.
        """
        ...

    def directory(self, model: ModelId, save_to: str | None = None) -> Path:
        """Where a model's set is or would be."""
        ...

    def manifests(self) -> Sequence[Manifest]:
        """Every set in the output tree."""
        ...

    def policy_keys(self, model: ModelId) -> Mapping[str, Any]:
        """The conversion keys that a model's present set was built under; none without a set."""
        ...

    def models(self, root: str) -> Sequence[ModelId]:
        """The models of a root that have a set in the mirrored place, by its name alone."""
        ...

    def withdraw(self, model: ModelId, *, archive: bool) -> None:
        """Takes a model's set out of the tree, into the archive or for good."""
        ...

    def sweep(self) -> None:
        """At start: removes what an interrupted publication left behind."""
        ...

    def collect(self) -> None:
        """Every few seconds: removes the sets whose readers have had their time."""
        ...

    def check_writable(self) -> str:
        """Empty when a set could be published now, else the reason."""
        ...
