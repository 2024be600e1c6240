"""The OpenAPI document: bodies that are read as bytes are in it with everything they refer to."""

import json
import re

from fakes.control import FakeControl
from fakes.http_client import render
from tflited.triggers.document import json_schema
from tflited.web.api import create_app
from tflited.web.openapi import TRIGGER, describe, refusals


def test_every_reference_leads_somewhere() -> None:
    """The trigger document's own definitions moved to where the document keeps all."""
    app = create_app(FakeControl(), render, version="1")
    document = describe(app, json_schema())
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))

    assert names <= document["components"]["schemas"].keys()
    assert "$defs" not in json.dumps(document)
    assert document["components"]["schemas"][TRIGGER]["additionalProperties"] is False


def test_refusals_say_when_to_come_again() -> None:
    """Those that pass by themselves have the header, and a path adds its own."""
    told = refusals(404)

    assert {401, 403, 404, 429, 503} <= told.keys()
    assert "Retry-After" in told[503]["headers"]
    assert "headers" not in told[404]
