"""Writes what a variant is published as: the flatbuffer and its C sources."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflited.convert.c_source.c_names import file_stem
from tflited.convert.c_source.emit_c import Titles
from tflited.convert.micro.styles import sources, symbol_of
from tflited.convert.proof.conformance import Measured
from tflited.convert.stages import Stages
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import MicroFigures
from tflited.domain.policy import Variant
from tflited.domain.report import ArtifactFile, Stage

SET: Final = "set"
"""Folder below the scratch directory that holds what is published."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One variant as bytes, with what was read from them, and what TFLM made of them."""

    variant: Variant
    content: bytes
    file: Measured
    micro: MicroFigures | None


def written(
    request: AttemptRequest, stages: Stages, artifact: Artifact
) -> tuple[ArtifactFile, ...]:
    """Writes the files of one variant into ``scratch/set/VARIANT``, which must not exist.

    Args:
        request: names, policy and scratch directory.
        stages: told of the C sources.
        artifact: what is written.

    Returns:
        Every file, with its path below the set.
    """
    stem, variant = file_stem(request.stem), artifact.variant
    contents = {f"{stem}.tflite": artifact.content}
    if request.policy.c_array.enabled:
        with stages.entered(Stage.EMIT_C, variant.value):
            contents |= _c_sources(request, artifact, stem)
    folder = Path(request.scratch, SET, variant.value)
    folder.mkdir(parents=True)
    for name, data in contents.items():
        # Not synced: the parent copies what it takes over, and syncs its copy.
        (folder / name).write_bytes(data)
    return tuple(
        ArtifactFile(
            path=f"{variant.value}/{name}",
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for name, data in contents.items()
    )


def _c_sources(request: AttemptRequest, artifact: Artifact, stem: str) -> dict[str, bytes]:
    policy, variant = request.policy, artifact.variant
    titles = Titles(
        symbol=symbol_of(policy.c_array, model=request.stem, variant=variant.value),
        header_name=f"{stem}.h",
        section=policy.c_array.section,
        lines={
            "model": request.stem,
            "variant": variant.value,
            "sha256 of the .tflite": hashlib.sha256(artifact.content).hexdigest(),
            **request.provenance,
        },
        micro=artifact.micro,
    )
    return sources(artifact.content, artifact.file.flatbuffer, policy, titles, stem)
