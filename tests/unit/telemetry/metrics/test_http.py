"""Which answers count as what."""

import pytest

from metric_samples import value
from tflited.telemetry.metrics.exposition import Metrics


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, "ok"),
        (304, "ok"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "refused"),
        (422, "refused"),
        (429, "too_many"),
        (500, "error"),
        (503, "unavailable"),
    ],
)
def test_an_answer_counts_by_what_it_says(metrics: Metrics, status: int, result: str) -> None:
    """What somebody looks into apart is apart: strangers, floods, faults of ours."""
    metrics.http.answered(status)

    assert value(metrics, "tflited_http_answers_total", result=result) == 1
