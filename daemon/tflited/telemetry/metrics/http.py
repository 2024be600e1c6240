"""Metrics of the HTTP door: its answers, by what they say."""

from typing import Final

from tflited.telemetry.metrics.declare import Declare

_BY_STATUS: Final = {401: "unauthorized", 403: "forbidden", 429: "too_many", 503: "unavailable"}
_RESULTS: Final = ("ok", "refused", *_BY_STATUS.values(), "error")


class HttpMetrics:
    """Answers to requests over TCP and the unix socket; ``declare`` declares them."""

    def __init__(self, declare: Declare) -> None:
        self._answers = declare.counter("tflited_http_answers", "HTTP answers.", result=_RESULTS)

    def answered(self, status: int) -> None:
        """A request was answered with a status."""
        self._answers.labels(_result(status)).inc()


def _result(status: int) -> str:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status < 400:  # noqa: PLR2004 - RFC 9110: 4xx is the client's fault, 5xx the server's
        return "ok"
    return "refused" if status < 500 else "error"  # noqa: PLR2004
