"""Metrics of what comes from TensorFlow Hub."""

from tflited.telemetry.metrics.declare import Declare


class HubMetrics:
    """Fetches of modules; ``declare`` declares them."""

    def __init__(self, declare: Declare) -> None:
        self._seconds = declare.histogram(
            "tflited_hub_fetch_duration_seconds",
            "Time of a Hub fetch.",
            result=("success", "failure"),
        )

    def fetched(self, seconds: float, *, is_successful: bool) -> None:
        """A Hub module came, or could not be had, after so many seconds."""
        result = "success" if is_successful else "failure"
        self._seconds.labels(result=result).observe(seconds)
