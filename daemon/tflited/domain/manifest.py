"""The manifest: what a published set is, and what it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from tflited.domain.figures import FORBID_EXTRA
from tflited.domain.model import Digest, ModelId, ModelKind
from tflited.domain.policy import OnSourceRemoved
from tflited.domain.report import ArtifactFile, VariantState
from tflited.domain.sandbox import SandboxLevel

MANIFEST_NAME = "manifest.json"
REPORT_NAME = "report.json"
MANIFEST_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestVariant:
    """One variant of a set, published or not.

    ``tflite`` is the path below the set, empty when rejected; ``min_snr_db`` is the worst output's
    signal-to-noise ratio, None where there is none; ``accuracy_drop`` is the loss of accuracy
    against the source on labelled data, None where none was measured; ``sparsity`` is the share of
    zeros in the pruned weights and ``compressed_bytes`` the size after zlib, None without pruning;
    ``seconds`` is the time it cost on its own. ``chosen`` is the variant that ``auto`` stands for,
    empty elsewhere. The ``latency`` figures are of one invocation on the converting host; None and
    0 unless profiled, with the reason where it could not be.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    variant: str
    state: VariantState
    reason: str = ""
    tflite: str = ""
    size_bytes: int = 0
    size_ratio: float | None = None
    min_snr_db: float | None = None
    accuracy_drop: float | None = None
    sparsity: float | None = None
    compressed_bytes: int | None = None
    seconds: float = 0.0
    chosen: str = ""
    latency_ms: float | None = None
    latency_p90_ms: float | None = None
    latency_runs: int = 0
    latency_threads: int = 0
    latency_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything a reader needs to trust a set, and the reconciler to compare it.

    Attributes:
        version: of this document.
        root: configured name of the root.
        path: the model below the root.
        kind: the model's container.
        job: the job that published the set; 0 for a one-off conversion without a daemon.
        build_key: equal key, equal artifacts.
        input_key: the build key without the toolchain.
        model_digest: SHA-256 of the model's files.
        policy_digest: SHA-256 of the resolved policy.
        data_digest: SHA-256 of calibration and evaluation data.
        toolchain: distribution name to version.
        files: every other file of the set, with size and SHA-256, sorted by path.
        variants: every variant asked for, published or rejected, in the policy's order.
        save_to: the path below the output tree that the trigger asked for; None in the mirrored
            place.
        folder_key: the input key that the folder's own policy gave, where a trigger's own policy
            built the set; None where the folder's did.
        on_source_removed: what the policy said, for where its file leaves together with the model.
        stage_seconds: time of each stage; here and not in the report, which equal keys keep equal.
        sandbox: what held around the model's code while the set was made; here and not in the
            report, since it is no part of the build key.
        auto_latency_ms: candidate of ``auto`` to the median of one invocation, where profiled.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    version: int
    root: str
    path: str
    kind: ModelKind
    job: int
    build_key: Digest
    input_key: Digest
    model_digest: Digest
    policy_digest: Digest
    data_digest: Digest
    toolchain: Mapping[str, str]
    files: tuple[ArtifactFile, ...]
    variants: tuple[ManifestVariant, ...]
    save_to: str | None = None
    folder_key: Digest | None = None
    on_source_removed: OnSourceRemoved | None = None
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    auto_latency_ms: Mapping[str, float] = field(default_factory=dict)
    sandbox: SandboxLevel | None = None

    @property
    def model(self) -> ModelId:
        """Which model the set belongs to."""
        return ModelId(root=self.root, path=self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """The store's record of one publication; outlives the set itself.

    Attributes:
        id: grows with every publication.
        job_id: the job that published.
        model: what was built.
        build_key: of the set.
        input_key: the build key without the toolchain.
        published_at: when, aware UTC.
        toolchain: distribution name to version.
        variants: what became of each variant.
    """

    id: int
    job_id: int
    model: ModelId
    build_key: Digest
    input_key: Digest
    published_at: datetime
    toolchain: Mapping[str, str]
    variants: tuple[ManifestVariant, ...]
