"""Each kind of error has its HTTP status and the one JSON form."""

import json

import pytest

from tflited.errors import (
    CannotStartError,
    ConfigurationError,
    OutputError,
    TflitedError,
    UsageError,
)
from tflited.web.answers import RequestError, refuse_error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestError(413, "too_large", "m"), 413),
        (UsageError("m"), 409),
        (ConfigurationError(()), 422),
        (CannotStartError("m"), 503),
        (OutputError("m"), 500),
    ],
)
def test_status_of_an_error(error: TflitedError, status: int) -> None:
    """The status follows from the error's class alone."""
    assert refuse_error(error).status_code == status


def test_the_form_of_an_error() -> None:
    """Code, message and hint are apart."""
    response = refuse_error(RequestError(404, "no_such_job", "job 9", hint="list them"))

    expected = {"code": "no_such_job", "message": "job 9", "hint": "list them"}
    assert json.loads(bytes(response.body)) == expected
