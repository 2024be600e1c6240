"""What Dask runs on a worker; Dask finds it by name, so no code crosses."""

from tflited.workers.wire import WireError


def build(content: bytes) -> bytes:
    """Runs one attempt in a task's thread.

    Args:
        content: an order.

    Returns:
        The answer.

    Raises:
        WireError: the bytes are no order, or this process was not started by ``tflited worker``.
    """
    from distributed import get_worker

    from tflited.workers.cluster.plugin import PLUGIN_NAME, Plugin

    worker = get_worker()
    plugin = worker.plugins.get(PLUGIN_NAME)
    if not isinstance(plugin, Plugin):
        raise WireError("this process was not started by tflited worker")
    return plugin.workshop.build(content, worker.log_event)
