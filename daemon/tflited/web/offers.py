"""What the doors hand out beside the engine's answers; made by the composition root."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tflited.domain.download import SetReader
from tflited.domain.upload import UploadDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """Each may be missing: what needs it is then not served.

    Attributes:
        trigger_schema: JSON schema of the trigger document, for the OpenAPI document.
        sets: the output tree, from which files are handed out.
        policies: names the policies of the main file now in force.
        uploads: where uploads are received; None where none are taken.
    """

    trigger_schema: Mapping[str, Any] = field(default_factory=dict)
    sets: SetReader | None = None
    policies: Callable[[], Sequence[str]] = tuple
    uploads: UploadDesk | None = None
