"""The command, the API and the page give one answer for any path."""

import os
import re
from collections.abc import Iterator
from html import unescape
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from pydantic import TypeAdapter

from daemon_process import DaemonProcess
from model_trees import saved_model, write
from tflited.cli import main
from tflited.cli.show import printable
from tflited.domain.status import Explanation
from tflited.pages.elements import clean
from tflited.pages.why_facts import facts
from tflited.web.site import POLICY

ANSWERS: TypeAdapter[Explanation] = TypeAdapter(Explanation)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    daemon = DaemonProcess(tmp_path_factory.mktemp("why"))
    saved_model(daemon.root / "torn", data_bytes=10)
    saved_model(daemon.root / "held")
    write(daemon.root / "held" / ".hold", b"")
    write(daemon.root / "zoo" / ".tflited.toml", b'target = "micro"\n')
    write(daemon.root / "zoo" / "bad.keras", b"no model")
    write(daemon.root / "zoo" / "<b>notes</b>.txt")
    write(daemon.root / os.fsdecode(b"caf\xe9.keras"), b"no model")
    (daemon.root / "link").symlink_to(daemon.output)
    daemon.start()
    for path in ("torn", "zoo/bad.keras"):
        daemon.wait_for(path, "refused")
    yield daemon
    daemon.stop()


def page_of(daemon: DaemonProcess, path: str) -> str:
    """The texts of the page, as a reader sees them."""
    connection = HTTPConnection("127.0.0.1", daemon.port(), timeout=20)
    connection.request("GET", f"/why?{urlencode({'path': path}, errors='surrogateescape')}")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    policy = answer.headers["content-security-policy"]
    assert policy == POLICY
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert text.count("<script") == 1
    return unescape(re.sub(r"<[^>]*>", " ", text.partition("</head>")[2]))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "torn",
        "torn/variables",
        "held",
        "zoo",
        "zoo/bad.keras",
        "zoo/.tflited.toml",
        "zoo/<b>notes</b>.txt",
        os.fsdecode(b"caf\xe9.keras"),
        "link",
        "nothing",
        "/etc/passwd",
    ],
)
def test_one_answer(daemon: DaemonProcess, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Subject, summary and every fact stand in all three."""
    asked = str(Path(daemon.root, path))
    answer = ANSWERS.validate_python(daemon.get("why", path=asked))
    assert main(["why", asked, "--config", str(daemon.main_file)]) == 0
    command, page = capsys.readouterr().out, page_of(daemon, asked)

    for text in (answer.subject, answer.summary, *(text for _, text in facts(answer))):
        assert printable(text) in command
        assert clean(text) in page


def test_a_refused_model_says_all(daemon: DaemonProcess) -> None:
    """Which check refused it, what to do, since when, and where each key of the policy is from."""
    answer = ANSWERS.validate_python(daemon.why("torn"))

    assert answer.model is not None
    assert answer.model.hint
    assert "variables" in answer.summary
