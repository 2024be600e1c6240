"""Uploads in a real browser over a real daemon: a model lands, is converted, and can be had."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from browser import Page
from convert_daemon import begin_session, prepared
from daemon_process import DaemonProcess
from programs import requires_program
from tree_copy import copy_tree
from waiting import wait_until

pytestmark = requires_program("chromium", "apt-get install chromium")

BUILD_SECONDS = 180
UPLOADS = '\n[http.uploads]\nroot = "models"\nfree_bytes = 0\nlargest_bytes = 3000000\n'
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    daemon = prepared(tmp_path_factory.mktemp("upload"), UPLOADS)
    left = daemon.root / "uploads" / ".tflited-upload-killed" / "files"
    left.mkdir(parents=True)
    (left / "half.keras").write_bytes(b"x")
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(scope="module")
def origin(daemon: DaemonProcess) -> str:
    return f"http://127.0.0.1:{daemon.port()}"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A Keras file to be uploaded."""
    path = tmp_path / "mine.keras"
    path.write_bytes(zoo.digits("keras").model.read_bytes())
    return path


def test_a_model_is_uploaded_converted_and_downloaded(
    page: Page, daemon: DaemonProcess, origin: str, model: Path, tmp_path: Path
) -> None:
    """With a script, so with progress; the page leads to the model's, and that to its files."""
    begin_session(page, origin, "/uploads")
    page.choose_files("#file", model)
    page.click("main button")
    page.wait_for_text("Landed: models/uploads/mine.keras")
    assert (daemon.root / "uploads" / "mine.keras").read_bytes() == model.read_bytes()
    daemon.wait_for("uploads/mine.keras", "published", deadline_seconds=BUILD_SECONDS)
    page.follow("main a[href^='/model?']")

    saved = tmp_path / "saved"
    page.download_to(saved)
    page.click("a[href*='float32/'][href$='.tflite']")
    published = daemon.output / "models" / "uploads" / "mine.keras" / "float32" / "mine.tflite"
    wait_until((saved / "mine.tflite").exists, 60, what="the file")
    assert (saved / "mine.tflite").read_bytes() == published.read_bytes()
    assert not page.foreign_requests(origin)
    assert not page.problems


def choose_folder(page: Page, folder: Path) -> None:
    """Chooses a folder, whose files the browser lists in its own time."""
    page.choose_files("#folder", folder)
    page.wait_for("document.querySelector('#folder').files.length > 0")


def test_a_folder_is_uploaded_without_scripts(
    page: Page, daemon: DaemonProcess, origin: str, tmp_path: Path
) -> None:
    """A plain form does the same; what is refused comes back with its reason."""
    page.switch_scripts_off()
    begin_session(page, origin, "/uploads")
    copy_tree(zoo.digits().model, tmp_path / "folder")
    choose_folder(page, tmp_path / "folder")
    page.follow("main button")
    assert "Landed: models/uploads/folder" in page.text("main")
    assert (daemon.root / "uploads" / "folder" / "saved_model.pb").is_file()

    choose_folder(page, tmp_path / "folder")
    page.follow("main button")
    assert "observed something there" in page.text("[role=alert]")


def test_a_refusal_is_shown_and_names_stay_text(page: Page, origin: str, tmp_path: Path) -> None:
    """Too large, and no model; nothing in a name is markup."""
    begin_session(page, origin, "/uploads")
    wrong = tmp_path / f"{HOSTILE}.txt"
    wrong.write_bytes(b"x")
    page.choose_files("#file", wrong)
    page.click("main button")
    page.wait_for_text(HOSTILE, "[role=alert]")
    assert page.count("main img") == 0
    assert not page.serious_violations()

    large = tmp_path / "large.keras"
    large.write_bytes(bytes(5_000_000))
    page.choose_files("#file", large)
    page.click("main button")
    page.wait_for("!document.querySelector('main button').disabled")
    assert "mine" not in page.text("[role=alert]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_hinders_a_reader(page: Page, origin: str, scheme: str) -> None:
    """Axe finds nothing serious, with and without a session."""
    page.prefer(color_scheme=scheme)
    page.open(f"{origin}/uploads")
    assert "Reading only" in page.text("main")
    assert not page.serious_violations()
    begin_session(page, origin, "/uploads")
    assert not page.serious_violations()


def test_what_a_killed_daemon_had_begun_is_gone(daemon: DaemonProcess) -> None:
    """It was swept at the start."""
    assert not list((daemon.root / "uploads").glob(".tflited-upload-killed"))
