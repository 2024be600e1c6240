"""The trigger documents that were sent through the form, for the pages of their jobs."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

MOST_DOCUMENTS: Final = 256


class SentDocuments:
    """The newest documents, in memory: the store keeps what a job needs, not how it was asked for.

    For any thread.
    """

    def __init__(self) -> None:
        self._by_job: OrderedDict[int, Mapping[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, job_id: int, document: Mapping[str, Any]) -> None:
        """Remembers what a job was asked for with."""
        with self._lock:
            self._by_job[job_id] = document
            self._by_job.move_to_end(job_id)
            if len(self._by_job) > MOST_DOCUMENTS:
                self._by_job.popitem(last=False)

    def get(self, job_id: int) -> Mapping[str, Any] | None:
        """What a job was asked for with; None where it came through another door, or long ago."""
        with self._lock:
            return self._by_job.get(job_id)
