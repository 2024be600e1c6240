"""The page of why, and the facts that it shares with the command."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from fakes.control import MODEL, NOW, make_job
from tflited.domain.job import Failure, JobState
from tflited.domain.model import ModelKind
from tflited.domain.sandbox import SandboxDemand
from tflited.domain.status import Explanation, ModelStatus, Phase
from tflited.pages.why_facts import facts
from tflited.pages.why_page import page

ANSWER = Explanation(
    path="zoo/net",
    subject="model",
    summary="zoo/net is settling: it grows.",
    hint="wait",
    model=ModelStatus(
        model=MODEL, kind=ModelKind.KERAS, phase=Phase.SETTLING, reason="", since=NOW, until=NOW
    ),
    policy_name="mobile",
    origins={"target": "/zoo/.tflited.toml", "variants": "/zoo/.tflited.toml", "ops": "built-in"},
    job=replace(
        make_job(7, JobState.QUEUED),
        waits_for="a slot",
        failure=Failure(code="worker", message="It died.", hint="look"),
    ),
    next_retry=NOW,
    output="/out/zoo/net",
)


class _Parsed(HTMLParser):
    """Tags, attributes and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: dict[str, str | None] = {}
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps it."""
        self.tags.append(tag)
        self.values |= {f"{tag}.{name}": value for name, value in attrs}

    def handle_data(self, data: str) -> None:
        """Keeps it."""
        self.text += data


def test_the_facts_in_words() -> None:
    """Everything that is known is there with its time, and what is not known is left out."""
    told = dict(facts(ANSWER))

    assert told["until"] == told["next attempt"] == "2026-01-02T03:04:05Z"
    assert told["policy"] == "mobile; target, variants from /zoo/.tflited.toml; the rest built-in"
    assert told["job"] == "7 queued, waits: a slot"
    assert told["failed"] == "worker: It died. Next: look"
    assert "published" not in told
    assert facts(Explanation(path="x", subject="not there", summary="")) == ()


def test_the_page_has_every_fact() -> None:
    """And the subject, the summary and the path, in the form too."""
    parsed = _Parsed(page(ANSWER))

    for text in (ANSWER.path, ANSWER.subject, ANSWER.summary, *sum(facts(ANSWER), ())):
        assert text in parsed.text
    assert parsed.values["input.value"] == "zoo/net"


def test_the_page_before_a_question() -> None:
    """A form alone."""
    parsed = _Parsed(page(None))

    assert parsed.values["form.action"] == "/why"
    assert "table" not in parsed.tags


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x>', "a\x1b[2J\u202e"]
)
def test_a_hostile_path_stays_text(hostile: str) -> None:
    """Neither markup nor control characters, wherever the path stands."""
    text = page(replace(ANSWER, path=hostile, summary=hostile, output=hostile))

    tags = _Parsed(text).tags
    assert "img" not in tags
    assert tags.count("script") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_job_without_the_sandbox_says_so() -> None:
    """Beside its state, for the command and the page."""
    job = replace(make_job(7, JobState.QUEUED), sandbox=SandboxDemand.OFF)
    assert dict(facts(replace(ANSWER, job=job)))["job"] == "7 queued, without the sandbox"
