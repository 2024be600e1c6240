"""What the private copy of a Hub reference says, laid over the policy.

The daemon has validated the file; its bytes are proven to be the same by the model's digest.
"""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflited.domain.hub import COPY_REFERENCE
from tflited.domain.policy import Policy


def with_reference(policy: Policy, copy: Path) -> Policy:
    """The policy with the reference's own shape, signature and tags in the place of its own.

    Args:
        policy: in force for the reference.
        copy: the private copy's folder.
    """
    table: dict[str, Any] = tomllib.loads((copy / COPY_REFERENCE).read_text("utf-8"))
    asked = table.get("input_shape", {})
    shapes = asked if isinstance(asked, dict) else {"": asked}
    return replace(
        policy,
        input_shape={name: tuple(shape) for name, shape in shapes.items()} or policy.input_shape,
        signatures=(table["signature"],) if "signature" in table else policy.signatures,
        tags=tuple(table.get("tags", policy.tags)),
    )
