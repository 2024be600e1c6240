"""A daemon for the tests of Convert now: a token, a policy, data, and a model that converts."""

import shutil
from pathlib import Path
from typing import Final

import zoo
from browser import Page
from daemon_process import MAIN_FILE, DaemonProcess

SECRET: Final = "a-token-of-a-test-0123456789"
MODEL: Final = "digits.keras"
_EXTRA: Final = """
[policy.mobile]
variants = ["float32", "dynamic_range"]
"""
_TOKENS: Final = """
[[http.token]]
name = "person"
file = "person.token"
scopes = ["read", "write"]
"""


def prepared(folder: Path, extra: str = "") -> DaemonProcess:
    """A daemon that is not started, with the digits classifier and its data below the root."""
    daemon = DaemonProcess(folder)
    token = folder / "person.token"
    token.write_text(SECRET)
    token.chmod(0o600)
    head, rest = MAIN_FILE.split("[log]")
    daemon.main_file.write_text(f"{head}{_TOKENS}\n[log]{rest}{_EXTRA}{extra}")
    trained = zoo.digits("keras")
    shutil.copyfile(trained.model, daemon.root / MODEL)
    (daemon.root / "data").mkdir()
    shutil.copyfile(trained.calibration, daemon.root / "data" / "calibration.npz")
    shutil.copyfile(trained.evaluation, daemon.root / "data" / "evaluation.npz")
    return daemon


def begin_session(page: Page, origin: str, come_back: str = "/convert") -> None:
    """Gives the token, as a person does."""
    page.open(f"{origin}/session?next={come_back}")
    page.fill("#token", SECRET)
    page.follow("main button")
