"""The wait for an output tree that cannot be written: work on it pauses and resumes by itself."""

from dataclasses import dataclass

import structlog

from tflited.domain.ports import Publisher

_LOG = structlog.get_logger()


@dataclass(slots=True)
class OutputPause:
    """Remembers why the output waits, so that each change is told once."""

    reason: str = ""

    def is_over(self, publisher: Publisher) -> bool:
        """Whether the output tree can be written now."""
        trouble = publisher.check_writable()
        if trouble != self.reason:
            self.reason = trouble
            if trouble:
                _LOG.error("output_paused", reason=trouble)
            else:
                _LOG.info("output_resumed")
        return not trouble
