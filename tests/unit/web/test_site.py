"""Headers and refusals of pages, without a server."""

from starlette.requests import Request

from tflited.web.answers import refuse
from tflited.web.site import html, refusal_page, wants_page


def asked(path: str = "/", **headers: str) -> Request:
    """A request as the server makes it."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": path, "headers": raw})


def test_a_browser_gets_pages_and_a_program_does_not() -> None:
    """What a request says it takes decides, and the API never answers with pages."""
    assert wants_page(asked(accept="text/html,*/*"))
    assert not wants_page(asked(accept="*/*"))
    assert not wants_page(asked("/api/v1/status", accept="text/html"))


def test_an_unchanged_page_is_not_sent_again() -> None:
    """The tag is of the content: another content has another one; no proxy keeps any of them."""
    tag = html(asked(), "one").headers["etag"]
    assert "private" in html(asked(), "one").headers["cache-control"]
    assert html(asked(if_none_match=tag), "one").status_code == 304
    assert html(asked(if_none_match=tag), "two").status_code == 200


def test_a_refusal_keeps_status_and_headers() -> None:
    """A person is told when to ask again, as a program is."""
    refused = refuse(503, "busy", "too many", headers={"Retry-After": "5"})
    answer = refusal_page(asked(), refused, "too many")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert b"too many" in answer.body
