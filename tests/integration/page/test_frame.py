"""What every page shares, in a real browser: frame, policy, keyboard, reading without scripts."""

from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from browser import Page
from daemon_process import DaemonProcess, running
from model_trees import write
from programs import requires_program
from tflited.web.site import POLICY

pytestmark = requires_program("chromium", "apt-get install chromium")

HOSTILE = "<img src=x onerror=alert(1)> & \"'.keras"
PAGES = ["/", "/why", "/why?path=nothing", "/nowhere"]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with running(tmp_path_factory.mktemp("frame")) as daemon:
        write(daemon.root / HOSTILE, b"no model")
        daemon.wait_for(HOSTILE, "refused")
        yield daemon


@pytest.fixture(scope="module")
def origin(daemon: DaemonProcess) -> str:
    return f"http://127.0.0.1:{daemon.port()}"


def test_no_page_hinders_a_reader(page: Page, origin: str) -> None:
    """Axe finds nothing serious: names, contrast, landmarks, order of headings, language."""
    found = {}
    for path in PAGES:
        page.open(origin + path)
        for scheme in ("light", "dark"):
            page.prefer(color_scheme=scheme)
            found[path, scheme] = page.serious_violations()
    assert {place: told for place, told in found.items() if told} == {}


def test_a_page_asks_nobody_else(page: Page, origin: str) -> None:
    """Look, script and icon come from the daemon, and the policy has nothing to complain of."""
    for path in PAGES:
        page.open(origin + path)
    assert any(address.endswith(".css") for address in page.requests)
    assert not page.foreign_requests(origin)
    assert [told for told in page.problems if "404" not in told] == []


def test_a_hostile_name_stays_text(page: Page, origin: str) -> None:
    """A name that is markup is shown as it is, on the page that is asked about it."""
    page.open(f"{origin}/why")
    page.fill("#path", HOSTILE)
    page.follow("main button")
    assert HOSTILE in page.text("h2")
    assert page.count("img") == 0
    assert page.evaluate("document.querySelector('#path').value") == HOSTILE


def test_the_keyboard_reaches_the_content_first(page: Page, origin: str) -> None:
    """The first stop leads past the navigation."""
    page.open(f"{origin}/why")
    page.press("Tab")
    assert page.focused() == "Skip to content"
    page.press("Enter")
    page.press("Tab")
    assert page.focused() == "path"


def test_a_page_reads_without_scripts(page: Page, origin: str) -> None:
    """The form works, and says what it says with them."""
    page.switch_scripts_off()
    page.open(f"{origin}/why")
    page.fill("#path", "nothing")
    page.follow("main button")
    assert "There is nothing at that path" in page.text("main")


def test_a_script_of_a_page_cannot_make_markup(page: Page, origin: str) -> None:
    """The policy refuses texts as markup, so a mistake in the script is no hole."""
    page.open(f"{origin}/why")
    outcome = page.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'made' }"
        " catch (error) { return error.name } })()"
    )
    assert outcome == "TypeError"


def test_what_a_browser_has_is_not_sent_again(daemon: DaemonProcess) -> None:
    """A page that did not change answers 304 to its own tag."""
    connection = HTTPConnection("127.0.0.1", daemon.port(), timeout=20)
    connection.request("GET", "/why")
    first = connection.getresponse()
    first.read()
    connection.request("GET", "/why", headers={"If-None-Match": first.headers["etag"]})
    second = connection.getresponse()
    assert (first.status, second.status, second.read()) == (200, 304, b"")
    assert first.headers["content-security-policy"] == POLICY
    connection.close()
