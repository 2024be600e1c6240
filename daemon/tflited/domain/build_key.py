"""The build key: equal key means nothing to do."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from tflited.domain.model import Digest


def combine(*parts: str) -> Digest:
    """SHA-256 over parts that cannot run into each other: each is preceded by its length."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return Digest(digest.hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildKey:
    """What a build depends on; each part is a SHA-256 in lower-case hexadecimal.

    Attributes:
        model: digest of the model's files.
        policy: digest of the resolved policy.
        data: digest of the calibration and evaluation data and of the policy's module; of nothing
            without any.
        toolchain: digest of the toolchain versions.
    """

    model: Digest
    policy: Digest
    data: Digest
    toolchain: Digest

    @classmethod
    def of(
        cls, *, model: Digest, policy: Digest, data: Digest, toolchain: Mapping[str, str]
    ) -> Self:
        """The key of a model under a policy, with the toolchain given as name to version."""
        versions = combine(*(part for item in sorted(toolchain.items()) for part in item))
        return cls(model=model, policy=policy, data=data, toolchain=versions)

    @property
    def value(self) -> Digest:
        """The build key itself."""
        return combine(self.model, self.policy, self.data, self.toolchain)

    @property
    def input_key(self) -> Digest:
        """The build key without the toolchain: equal here and unequal there means stale."""
        return combine(self.model, self.policy, self.data)
