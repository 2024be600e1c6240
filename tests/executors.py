"""Local executors whose children run an entry of ``tests/fakes`` instead of a conversion."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tflited.workers.local import LocalExecutor
from waiting import wait_until

READY_SECONDS: Final = 60.0
TESTS: Final = Path(__file__).parent


@contextmanager
def running_entry(entry: str) -> Iterator[LocalExecutor]:
    """A ready executor, stopped at the end.

    Args:
        entry: the module whose ``run`` stands for the conversion's.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon"))))
        made = LocalExecutor(preload="json", entry=entry)
        made.start()
        try:
            wait_until(lambda: made.is_ready, READY_SECONDS, what="a zygote")
            yield made
        finally:
            made.stop(deadline_seconds=READY_SECONDS)
