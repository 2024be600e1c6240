"""The pages over real conversions in a real browser: live, readable for everybody, and safe."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from browser import Browser, Page
from daemon_process import DaemonProcess
from page_scene import MEASURED, scene
from programs import requires_program
from tree_copy import copy_tree
from waiting import wait_until

pytestmark = requires_program("chromium", "apt-get install chromium")

HOSTILE = "live/<b onclick=alert(1)>&amp; \"'/digits"
CONVERSION_SECONDS = 240.0
PAGES = {
    "overview": "/",
    "models": "/models?phase=published&phase=refused",
    "model": "/model?path=models/vision/digits",
    "auto": "/model?path=models/wide/channels",
    "refused": "/model?path=models/incoming/torn",
    "report": "/report?path=models/wide/channels",
    "compare": "/compare?a=models/vision/digits&b=models/strictly/digits.keras",
    "jobs": "/jobs",
    "job": "/jobs/1",
    "no job": "/jobs/99999",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with scene(tmp_path_factory.mktemp("pages")) as started:
        yield started


@pytest.fixture(scope="module")
def origin(daemon: DaemonProcess) -> str:
    return f"http://127.0.0.1:{daemon.port()}"


# One test for all pages: more of them would be spread over processes, each with a scene of its own.
def test_no_page_hinders_a_reader(page: Page, origin: str) -> None:
    """Axe finds nothing serious in light and in dark, and nobody else is asked for anything."""
    found = {}
    for name, path in PAGES.items():
        page.open(origin + path)
        for scheme in ("light", "dark"):
            page.prefer(color_scheme=scheme)
            found[name, scheme] = page.serious_violations()
    assert {place: told for place, told in found.items() if told} == {}
    assert not page.foreign_requests(origin)
    assert [told for told in page.problems if "404" not in told] == []


def test_every_page_fits_a_phone(browser: Browser, origin: str) -> None:
    """Nothing stands out of a narrow window; wide pictures scroll by themselves."""
    widths = {}
    with browser.page(width=390, height=800) as page:
        for name, path in PAGES.items():
            page.open(origin + path)
            widths[name] = page.evaluate("document.documentElement.scrollWidth")
    assert {name: width for name, width in widths.items() if width > 390} == {}


def test_a_model_is_followed_from_drop_to_publication(
    page: Page, daemon: DaemonProcess, origin: str
) -> None:
    """One document: settling, the stages of its build, its end; a hostile name stays text."""
    page.open(origin)
    page.wait_for_text("Live", "#link")
    loads = page.loads
    page.evaluate("document.querySelector('#q').focus()")
    page.evaluate(
        "window.seen = new Set(); new MutationObserver(() => { for (const row of"
        " document.querySelectorAll('main tr')) if (row.innerText.includes('onclick'))"
        " for (const part of row.querySelectorAll('.chip, .going b'))"
        " window.seen.add(part.innerText) }).observe(document.body,"
        " {subtree: true, childList: true, characterData: true})"
    )

    copy_tree(zoo.digits().model, daemon.root / HOSTILE)
    page.wait_for(
        "[...document.querySelectorAll('#lately + table tr')].some("
        "row => row.innerText.includes('onclick') && row.innerText.includes('published'))",
        deadline_seconds=CONVERSION_SECONDS,
    )

    seen = set(page.evaluate("[...window.seen]"))
    assert {"building", "published"} <= seen
    assert seen & {"settling", "checking", "queued"}
    assert {each for each in seen if re.match("load|lower|quantise|prove", each)}
    assert page.loads == loads
    assert page.focused() == "q"
    assert HOSTILE.partition("/")[2].partition("/")[0] in page.text("#lately + table")
    assert page.count("main b[onclick]") == 0
    page.wait_for_text("published", "#news")
    assert not page.foreign_requests(origin)
    assert page.problems == []


def test_a_refused_model_shows_its_reason(page: Page, daemon: DaemonProcess, origin: str) -> None:
    """What the daemon answers to why stands on the overview and on the model's own page."""
    told = daemon.why("incoming/torn")["model"]
    assert told["reason"]
    assert told["hint"]
    for path in ("/", PAGES["refused"]):
        page.open(origin + path)
        assert told["reason"] in page.text("main")
        assert told["hint"] in page.text("main")


def test_a_failed_job_shows_its_reason(page: Page, daemon: DaemonProcess, origin: str) -> None:
    """With the next step and its code, on its own page."""
    (job,) = daemon.jobs("medical/strict/tumours.keras")
    page.open(f"{origin}/jobs/{job['id']}")
    for key in ("message", "hint", "code"):
        assert job["failure"][key] in page.text("main")


def test_a_new_build_tells_what_changed(page: Page, daemon: DaemonProcess, origin: str) -> None:
    """The page of a model that is open follows a change of its policy, key by key."""
    page.open(f"{origin}/model?path=models/vision/digits")
    loads = page.loads
    policy = daemon.root / "vision" / ".tflited.toml"
    policy.write_text(MEASURED.replace("max_drop = 0.01", "max_drop = 0.05"))
    page.wait_for_text("evaluation.max_drop", ".changes", deadline_seconds=CONVERSION_SECONDS)
    assert "0.01 → 0.05" in page.text(".changes")
    assert page.loads == loads


def test_variants_stand_side_by_side(page: Page, origin: str) -> None:
    """Size as a bar against float32, latency, and the budget that holds."""
    page.open(origin + PAGES["model"])
    rows = page.evaluate(
        "[...document.querySelectorAll('.variants tbody tr')].map(row => row.innerText)"
    )
    assert [row.split()[0] for row in rows] == ["float32", "dynamic_range", "float16", "int8"]
    for row in rows:
        assert re.search(r"of float32", row)
        assert re.search(r"[\d.]+ ms", row)
        assert re.search(r"top1 drop .*, budget 0\.0[15] or less", row)
    widths = page.evaluate(
        "[...document.querySelectorAll('.variants td:nth-child(2) .fill')]"
        ".map(bar => bar.getBoundingClientRect().width)"
    )
    assert widths[0] == max(widths)
    assert widths[3] < widths[0] / 2


def test_auto_draws_its_choice(page: Page, origin: str) -> None:
    """Every candidate with its reason, and the picture of what none beats."""
    page.open(origin + PAGES["auto"])
    assert "How auto chose" in page.text("main")
    assert page.count("svg[aria-labelledby*=candidates] .front") == 1


def test_models_are_found_by_keyboard_alone(page: Page, origin: str) -> None:
    """From the head of the overview to the one model that was meant."""
    page.open(origin)
    page.press("Tab")
    page.press("Enter")
    page.wait_for("location.hash === '#main'")
    page.press("Tab")
    assert page.focused() == "q"
    for letter in "TUMOURS":
        page.press(letter)
    before = page.loads
    page.press("Enter")
    page.wait_for_load(before)
    assert page.count(".list tbody tr") == 2
    assert page.evaluate("document.querySelector('#q').value") == "TUMOURS"


def test_two_models_are_compared(page: Page, origin: str) -> None:
    """Starting at the page of one of them."""
    page.open(origin + PAGES["model"])
    page.fill("#b", "models/strictly/digits.keras")
    page.follow("form[action='/compare'] button")
    assert "float16" in page.text(".list")
    assert "size " in page.text(".list")


def test_it_reads_without_scripts(page: Page, origin: str) -> None:
    """Everything is there, and times are in UTC."""
    page.switch_scripts_off()
    page.open(origin)
    assert "Needs a look" in page.text("main")
    assert "UTC" in page.text("#lately + table")
    assert "Live" not in page.text("header")


def test_times_are_in_the_readers_zone(page: Page, origin: str) -> None:
    """As the system writes them, with the moment in UTC in the markup."""
    page.set_time_zone("Asia/Tokyo")
    page.open(f"{origin}/jobs/1")
    shown, utc = page.evaluate(
        "(time => [time.innerText, time.dateTime])(document.querySelector('dd time'))"
    )
    hour = (int(utc[11:13]) + 9) % 24
    assert re.search(rf"\b0?{hour % 12 or 12}:", shown)


def test_a_lost_daemon_is_said(page: Page, origin: str) -> None:
    """Nobody believes an old page; it comes back by itself."""
    page.open(origin)
    page.wait_for_text("Live", "#link")
    page.go_offline(is_offline=True)
    page.wait_for_text("Not connected", "#link")
    page.go_offline(is_offline=False)
    page.wait_for_text("Live", "#link")


def test_what_is_unfolded_stays_so(page: Page, origin: str, tmp_path: Path) -> None:
    """A reader's place in the page outlives its renewal."""
    page.open(origin + PAGES["auto"])
    page.evaluate("document.querySelector('main details summary').click()")
    asked = sum("/model" in address for address in page.requests)
    wait_until(
        lambda: sum("/model" in address for address in page.requests) > asked + 1,
        60,
        what="two renewals",
    )
    assert page.evaluate("document.querySelector('main details').open")
