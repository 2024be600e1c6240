"""What a log line looks like, in a process of its own: the configuration is global."""

import json
import os
import pty
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest

from tflited.telemetry.logs import configure

SCRIPT = """
import logging, sys, structlog
from tflited.telemetry.logs import configure
configure(format=sys.argv[1], level=sys.argv[2])
log = structlog.get_logger("tflited.engine").bind(job_id=7)
log.debug("hidden")
log.info("job_claimed", root="zoo")
logging.getLogger("uvicorn.error").warning("port %d", 80)
try:
    secret = "s3cret"
    raise ValueError("broken")
except ValueError:
    log.exception("tick_failed")
"""


def run(format_name: str, level: str = "info") -> str:
    command = [sys.executable, "-c", SCRIPT, format_name, level]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_has_one_record_a_line() -> None:
    """Event, level, logger, facts and an ISO time in UTC are keys."""
    first = records(run("json"))[0]

    assert first["event"] == "job_claimed"
    assert (first["level"], first["logger"]) == ("info", "tflited.engine")
    assert (first["job_id"], first["root"]) == (7, "zoo")
    assert datetime.fromisoformat(first["timestamp"]).utcoffset() == timedelta(0)


def test_the_standard_library_speaks_the_same_way() -> None:
    """A record of uvicorn has the keys of our own."""
    second = records(run("json"))[1]

    assert (second["event"], second["level"]) == ("port 80", "warning")
    assert second["logger"] == "uvicorn.error"
    assert "timestamp" in second


def test_a_traceback_is_one_key_without_local_variables() -> None:
    """The error is there, what the variables held is not."""
    third = records(run("json"))[2]

    assert third["event"] == "tick_failed"
    assert "ValueError: broken" in third["exception"]
    assert "locals" not in third["exception"]


def test_the_level_hides_what_is_below() -> None:
    """At error, only the error is left."""
    assert [each["event"] for each in records(run("json", "error"))] == ["tick_failed"]
    assert records(run("json", "debug"))[0]["event"] == "hidden"


def test_auto_is_json_in_a_pipe() -> None:
    """The journal gets JSON without a setting."""
    assert records(run("auto"))[0]["event"] == "job_claimed"


def test_auto_is_readable_on_a_terminal() -> None:
    """A person at a terminal gets text."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", SCRIPT, "auto", "info"], stdout=theirs) as child:
        os.close(theirs)
        text = os.read(ours, 4096).decode()
        child.wait()
    os.close(ours)

    assert "job_claimed" in text
    assert not text.startswith("{")


@pytest.mark.parametrize(("format_name", "level"), [("xml", "info"), ("json", "loud")])
def test_unknown_settings_are_refused(format_name: str, level: str) -> None:
    """The message names what is allowed, and nothing was configured."""
    with pytest.raises(ValueError, match="allowed"):
        configure(format=format_name, level=level)


HOSTILE = """
import logging, os, sys, structlog
from tflited.telemetry.logs import configure
configure(format=sys.argv[1], level="info")
name = os.fsdecode(b"net\\n2026 forged \\x1b[2J \\xe9") + chr(0x202e)
structlog.get_logger("tflited").info("job_accepted", model=name, models=[name])
logging.getLogger("library").warning("cannot read %s", name)
try:
    raise ValueError(name)
except ValueError:
    structlog.get_logger("tflited").exception("tick_failed")
"""


@pytest.mark.parametrize("format_name", ["json", "console"])
def test_names_command_no_terminal_and_forge_no_line(format_name: str) -> None:
    """Control characters, reordering marks and stray bytes are escaped, in a message too."""
    command = [sys.executable, "-c", HOSTILE, format_name]
    result = subprocess.run(command, capture_output=True, check=True)
    text = result.stdout.decode()

    assert result.stderr == b""
    assert text.count("forged") == 4
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    before_traceback = text.partition("tick_failed")[0].splitlines()
    assert len(before_traceback) == 3
    assert not any(line.startswith("2026 forged") for line in before_traceback)
