"""Convert now in a real browser over a real daemon: from the form to the published file."""

import hashlib
import http.client
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from browser import Page
from convert_daemon import MODEL, SECRET, begin_session, prepared
from daemon_process import DaemonProcess
from programs import requires_program
from waiting import wait_until

pytestmark = requires_program("chromium", "apt-get install chromium")

BUILD_SECONDS = 180
HOSTILE = "<img src=x onerror=alert(1)> & \"'.keras"
OVERRIDE = "policy-override"
ASKED: dict[str, Any] = {
    "variants": ["float32", "int8", "auto"],
    "target": "cpu",
    "c_array": {
        "enabled": True, "style": "tflm", "symbol": "g_{model}_{variant}_x", "section": ".m",
    },
    "signatures": ["serving_default"],
    "tags": ["serve"],
    "concrete_function": False,
    "input_shape": [1, 8, 8, 1],
    "ops": ["TFLITE_BUILTINS", "SELECT_TF_OPS"],
    "input_type": "int8",
    "output_type": "int8",
    "quantiser": "tf_converter",
    "per_channel": True,
    "calibration": {"data": "data/calibration.npz", "samples": 40, "synthetic": False},
    "evaluation": {
        "data": "data/evaluation.npz", "metric": "top1", "max_drop": 0.5, "min_snr_db": 3,
    },
    "prune": {"sparsity": 0.25, "encoding": "dense"},
    "on_reject": "omit",
    "require_proof": False,
    "profile": {"runs": 3},
}  # fmt: skip


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    daemon = prepared(tmp_path_factory.mktemp("convert"))
    (daemon.root / HOSTILE).write_bytes(b"no model")
    daemon.start()
    try:
        daemon.wait_for(HOSTILE, "refused")
        daemon.wait_for(MODEL, "published", deadline_seconds=BUILD_SECONDS)
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(scope="module")
def origin(daemon: DaemonProcess) -> str:
    return f"http://127.0.0.1:{daemon.port()}"


def select(page: Page, field: str, value: str) -> None:
    """Chooses an entry of a list."""
    page.evaluate(f"document.getElementById('{field}').value = {json.dumps(value)}")
    assert page.evaluate(f"document.getElementById('{field}').value") == value


def tick(page: Page, name: str, *values: str) -> None:
    """Ticks boxes of a field."""
    for value in values:
        page.evaluate(f'document.querySelector(\'[name="{name}"][value="{value}"]\').click()')


def fill_in_everything(page: Page, save_to: str) -> None:
    """Gives every field of the form that a path goes with."""
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.fill("#model-path", f"models/{MODEL}")
    tick(page, "policy.override.variants", *ASKED["variants"])
    tick(page, "policy.override.ops", *ASKED["ops"])
    tick(page, "force", "true")
    for field, value in {
        "policy-name": "mobile",
        "priority": "8",
        "model-type": "keras",
        f"{OVERRIDE}-target": "cpu",
        f"{OVERRIDE}-c-array-enabled": "true",
        f"{OVERRIDE}-c-array-style": "tflm",
        f"{OVERRIDE}-concrete-function": "false",
        f"{OVERRIDE}-input-type": "int8",
        f"{OVERRIDE}-output-type": "int8",
        f"{OVERRIDE}-quantiser": "tf_converter",
        f"{OVERRIDE}-per-channel": "true",
        f"{OVERRIDE}-calibration-synthetic": "false",
        f"{OVERRIDE}-evaluation-metric": "top1",
        f"{OVERRIDE}-prune-encoding": "dense",
        f"{OVERRIDE}-on-reject": "omit",
        f"{OVERRIDE}-require-proof": "false",
    }.items():
        select(page, field, value)
    for field, value in {
        "save-to": save_to,
        f"{OVERRIDE}-signatures": "serving_default",
        f"{OVERRIDE}-tags": "serve",
        f"{OVERRIDE}-input-shape": "1,8,8,1",
        f"{OVERRIDE}-calibration-data": "data/calibration.npz",
        f"{OVERRIDE}-calibration-samples": "40",
        f"{OVERRIDE}-evaluation-data": "data/evaluation.npz",
        f"{OVERRIDE}-evaluation-max-drop": "0.5",
        f"{OVERRIDE}-evaluation-min-snr-db": "3",
        f"{OVERRIDE}-prune-sparsity": "0.25",
        f"{OVERRIDE}-c-array-symbol": "g_{model}_{variant}_x",
        f"{OVERRIDE}-c-array-section": ".m",
        OVERRIDE: "profile.runs = 3",
    }.items():
        page.fill(f"#{field}", value)


def job_of(page: Page) -> int:
    """The job whose page is shown."""
    found = re.search(r"/jobs/(\d+)$", page.address)
    assert found is not None, page.text("main")
    return int(found[1])


def wait_for_downloads(page: Page) -> None:
    """Follows the job to its end, without a reload."""
    loads = page.loads
    over = "!['queued', 'running'].includes(document.querySelector('h1 .chip').innerText)"
    page.wait_for(over, deadline_seconds=BUILD_SECONDS)
    assert page.count("#downloads") == 1, page.text("main")
    assert page.loads == loads


def test_every_field_is_honoured_and_its_download_is_the_published_file(
    page: Page, daemon: DaemonProcess, origin: str, tmp_path: Path
) -> None:
    """The document says what was filled in, and what is saved is what its job published."""
    begin_session(page, origin)
    fill_in_everything(page, "asked/everything")
    page.follow("#convert")
    job = daemon.get(f"jobs/{job_of(page)}")
    document = json.loads(page.text("pre"))
    policy = json.loads(job["policy_json"])
    wait_for_downloads(page)

    assert document == {
        "version": 1,
        "model": {"path": f"models/{MODEL}", "type": "keras"},
        "policy": {"name": "mobile", "override": ASKED},
        "save_to": "asked/everything",
        "priority": 8,
        "force": True,
    }
    assert (job["trigger"], job["priority"], job["is_forced"]) == ("api", 8, True)
    assert {key: policy[key] for key in ("variants", "input_type", "quantiser", "ops")} == {
        key: ASKED[key] for key in ("variants", "input_type", "quantiser", "ops")
    }
    assert policy["calibration"]["samples"] == 40
    assert policy["prune"]["sparsity"] == 0.25
    assert_downloads(page, daemon.output / "asked" / "everything", tmp_path)
    assert not page.foreign_requests(origin)
    assert not page.problems


def assert_downloads(page: Page, published: Path, folder: Path) -> None:
    """What the browser saves is what lies in the output tree, and what the manifest says."""
    manifest = json.loads((published / "manifest.json").read_text())
    (listed,) = [file for file in manifest["files"] if file["path"].startswith("int8/")
                 and file["path"].endswith(".tflite")]  # fmt: skip
    page.download_to(folder)
    page.click(f"a[href$='file={listed['path']}']")
    saved = folder / Path(listed["path"]).name
    wait_until(lambda: saved.exists() and saved.stat().st_size == listed["size_bytes"], 60)
    assert saved.read_bytes() == (published / listed["path"]).read_bytes()
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == listed["sha256"]
    page.click("a[href^='/download/all']")
    archive = folder / "everything.zip"
    wait_until(archive.exists, 60, what="the archive")
    with zipfile.ZipFile(io.BytesIO(archive.read_bytes())) as found:
        names = {name for name in found.namelist() if name != "report.html"}
        assert names == {"manifest.json", *(file["path"] for file in manifest["files"])}
        assert found.read(listed["path"]) == saved.read_bytes()


def test_by_keyboard_and_without_scripts(page: Page, daemon: DaemonProcess, origin: str) -> None:
    """Tab, type, tick, Enter: the job's page says what a reload finds."""
    page.switch_scripts_off()
    begin_session(page, origin)
    page.press("Tab")
    page.press("Enter")  # past the navigation
    page.press("Tab")
    assert page.focused() == "uploaded"
    page.press("Tab")
    assert page.focused() == "model.path"
    for sign in f"models/{MODEL}":
        page.press(sign)
    for _ in range(3):  # handle, its shape, the first variant
        page.press("Tab")
    page.press("Space")
    before = page.loads
    page.evaluate("document.querySelector('#save-to').focus()")
    for sign in "by/keyboard":
        page.press(sign)
    page.press("Enter")
    page.wait_for_load(before)
    job = job_of(page)
    wait_until(lambda: daemon.get(f"jobs/{job}")["state"] == "published", BUILD_SECONDS)
    page.open(page.address)

    assert json.loads(page.text("pre"))["policy"]["override"] == {"variants": ["float32"]}
    assert page.count("#downloads") == 1
    assert (daemon.output / "by" / "keyboard" / "float32").is_dir()


def test_a_refusal_stands_beside_its_field(page: Page, origin: str) -> None:
    """What was typed is kept, every problem is told at once, and each link leads to its field."""
    begin_session(page, origin)
    page.fill("#model-path", f"models/{MODEL}")
    page.fill("#save-to", "../elsewhere")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.fill(f"#{OVERRIDE}-prune-sparsity", "1.5")
    page.follow("#convert")
    assert "save_to" in page.text("#save-to-problem")

    page.fill("#save-to", "")
    page.follow("#convert")
    assert "1.5" in page.text(f"#{OVERRIDE}-prune-sparsity-problem")
    assert page.evaluate("document.querySelector('#model-path').value") == f"models/{MODEL}"
    assert page.evaluate(f"document.querySelector('#{OVERRIDE}-prune-sparsity').value") == "1.5"
    assert page.count("[role=alert] a") == 1
    assert not page.serious_violations()
    page.click("[role=alert] a")
    assert page.evaluate("location.hash") == f"#{OVERRIDE}-prune-sparsity"


def test_a_refused_model_shows_its_reason(page: Page, origin: str) -> None:
    """Admission's words stand at the path, and a hostile name stays text."""
    begin_session(page, origin)
    page.fill("#model-path", f"models/{HOSTILE}")
    page.follow("#convert")

    assert "zip" in page.text("#model-path-problem").lower()
    assert page.evaluate("document.querySelector('#model-path').value") == f"models/{HOSTILE}"
    assert page.count("main img") == 0
    assert [told for told in page.problems if "422" not in told] == []


def test_the_document_can_be_had_without_sending_it(
    page: Page, daemon: DaemonProcess, origin: str
) -> None:
    """Also by whoever may only read: as JSON and as a command; no job is made."""
    before = len(daemon.get("jobs", limit=1000))
    page.open(f"{origin}/convert?path=models/{MODEL}")
    assert "Reading only" in page.text(".notice")
    assert page.count("#convert") == 0
    page.fill("#save-to", "a b")
    page.follow("button[formaction]")

    assert json.loads(page.text("pre"))["save_to"] == "a b"
    assert f"tflited trigger models/{MODEL} --save-to 'a b'" in page.text("main")
    assert page.evaluate("document.querySelector('#save-to').value") == "a b"
    assert len(daemon.get("jobs", limit=1000)) == before


@pytest.mark.parametrize("path", ["/convert", "/session", "/jobs/1"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_hinders_a_reader(page: Page, origin: str, path: str, scheme: str) -> None:
    """Axe finds nothing serious, and nobody else is asked."""
    page.prefer(color_scheme=scheme)
    begin_session(page, origin)
    page.open(origin + path)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")

    assert not page.serious_violations()
    assert not page.foreign_requests(origin)
    assert not page.problems


def test_a_wrong_token_begins_nothing(page: Page, origin: str) -> None:
    """It is told at the field, and the cookie is out of reach of scripts once there is one."""
    page.open(f"{origin}/session")
    page.fill("#token", "wrong-token-0123456789")
    page.follow("main button")
    assert "unknown token" in page.text("#token-problem")

    page.fill("#token", SECRET)
    page.follow("main button")
    assert page.evaluate("document.cookie") == ""
    page.open(f"{origin}/session")
    assert "person" in page.text("main")
    page.follow("main button")
    assert "No session" in page.text("main")


def test_a_foreign_page_asks_for_nothing(
    page: Page, daemon: DaemonProcess, origin: str, tmp_path: Path
) -> None:
    """A form elsewhere that sends the same fields is refused, although there is a session."""
    begin_session(page, origin)
    page.evaluate("document.querySelector('[name=form_token]').value")
    before = len(daemon.get("jobs", limit=1000))
    evil = tmp_path / "evil.html"
    evil.write_text(
        f"<form method=post action='{origin}/convert'>"
        f"<input name='model.path' value='models/{MODEL}'><button>x</button></form>"
    )
    page.open(evil.as_uri())
    page.follow("button")

    assert "foreign_origin" in page.text()
    assert len(daemon.get("jobs", limit=1000)) == before


def test_a_form_without_the_sessions_token_is_refused(origin: str, daemon: DaemonProcess) -> None:
    """The cookie alone, whoever made a browser send it, changes nothing."""
    connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=20)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    connection.request("POST", "/session", urlencode({"token": SECRET}), form)
    answer = connection.getresponse()
    answer.read()
    cookie = str(answer.headers["set-cookie"])
    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
    before = len(daemon.get("jobs", limit=1000))

    asked = urlencode({"model.path": f"models/{MODEL}", "form_token": "x"})
    connection.request("POST", "/convert", asked, {**form, "Cookie": cookie.partition(";")[0]})
    refused = connection.getresponse()
    text = refused.read().decode()
    connection.close()
    assert refused.status == 403
    assert "form token" in text
    assert len(daemon.get("jobs", limit=1000)) == before
