"""What Dask tells a worker of tflited's about its tasks; imported there alone, after ``set_up``."""

from typing import Final

from distributed import WorkerPlugin

from tflited.workers.cluster.workshop import Workshop

PLUGIN_NAME: Final = "tflited"
_ENDS: Final = frozenset({"cancelled", "released", "forgotten"})


class Plugin(WorkerPlugin):  # type: ignore[misc]  # Dask brings no types that strict mode takes
    """Passes on that nobody waits for an attempt any more, or that the worker closes.

    Args:
        workshop: runs the attempts.
    """

    name = PLUGIN_NAME

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop

    def teardown(self, worker: object) -> None:  # noqa: ARG002  # Dask names it
        """The worker closes: it waits for its threads, so they must end."""
        self.workshop.give_up()

    def transition(self, key: object, start: str, finish: str, **_: object) -> None:
        """A task changes. One that is dropped as it runs was cancelled, or its daemon is gone."""
        if finish in _ENDS and start != "memory":
            self.workshop.drop(str(key))
