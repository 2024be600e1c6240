"""Each kind of error has its HTTP status and the one JSON form."""

import json
import os

import pytest
from pydantic import TypeAdapter

from tflited.domain.model import ModelId
from tflited.domain.status import HealthCheck
from tflited.errors import (
    CannotStartError,
    ConfigurationError,
    OutputError,
    TflitedError,
    UsageError,
)
from tflited.web.answers import RequestError, answer, health, refuse, refuse_error


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


LATIN1 = os.fsdecode(b"caf\xe9.keras")
"""A file name that is not UTF-8, as Python reads it from a directory."""


def test_a_name_that_is_not_utf8_goes_through() -> None:
    """One such name must not cost the whole answer, and a reader gets the same name back."""
    model = ModelId(root="zoo", path=LATIN1)
    adapter = TypeAdapter(ModelId)
    response = answer(adapter, model)

    assert adapter.validate_python(json.loads(bytes(response.body))) == model


def test_errors_may_name_such_a_file() -> None:
    """The message keeps the name."""
    body = bytes(refuse(409, "usage", f"model {LATIN1}").body)

    assert json.loads(body)["message"] == f"model {LATIN1}"


def test_health_lines_may_name_such_a_file() -> None:
    """The byte is told in ASCII."""
    check = HealthCheck(name="roots", is_ok=False, reason=LATIN1)
    body = bytes(health([check], is_verbose=True).body)

    assert body.splitlines()[0] == rb"[-]roots failed: caf\udce9.keras"


def test_what_is_not_required_is_told_and_does_not_count() -> None:
    """The daemon takes work through its other doors while the broker is away."""
    checks = [
        HealthCheck(name="output", is_ok=True),
        HealthCheck(name="broker", is_ok=False, reason="refused", is_required=False),
    ]
    response = health(checks, is_verbose=True)
    assert response.status_code == 200
    assert bytes(response.body) == b"[+]output ok\n[-]broker (not required): refused\nok\n"
