"""Makes the pictures of the pages in docs/ from real conversions, in a real browser.

python tests/screenshots.py FOLDER
"""

import sys
import tempfile
from pathlib import Path

import zoo
from browser import Browser, Page, running_browser
from page_scene import scene
from tree_copy import copy_tree

CONVERSION_SECONDS = 240.0
WIDE, TALL = 1180, 820
PHONE = 390


def main(folder: Path) -> None:
    """Every picture."""
    folder.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="tflited-") as name,
        scene(Path(name)) as daemon,
        running_browser() as browser,
    ):
        origin = f"http://127.0.0.1:{daemon.port()}"
        shoot(browser, f"{origin}/model?path=models/vision/digits", folder / "page-model.png")
        auto = f"{origin}/model?path=models/wide/channels"
        with browser.page(width=1060, height=900) as page:
            page.prefer(color_scheme="dark")
            page.open(auto)
            page.evaluate(
                "document.querySelector('svg[aria-labelledby*=candidates]')"
                ".scrollIntoView({block: 'end'})"
            )
            take(page, folder / "page-auto.png")
        one, other = "models/vision/digits", "models/strictly/digits.keras"
        shoot(browser, f"{origin}/compare?a={one}&b={other}", folder / "page-compare.png")
        shoot(browser, f"{origin}/jobs/4", folder / "page-job.png")
        with browser.page(width=WIDE, height=TALL) as page:
            page.open(origin)
            for number in range(2):
                copy_tree(zoo.digits().model, daemon.root / "vision" / f"digits-{number}")
            page.wait_for(
                "document.querySelector('.strip .over') !== null",
                deadline_seconds=CONVERSION_SECONDS,
            )
            take(page, folder / "page-overview.png")
        with browser.page(width=WIDE, height=TALL) as page:
            page.prefer(color_scheme="dark")
            page.open(origin)
            page.wait_for(
                "document.querySelector('.strip .over') !== null",
                deadline_seconds=CONVERSION_SECONDS,
            )
            take(page, folder / "page-overview-dark.png")
        shoot(browser, origin, folder / "page-phone.png", width=PHONE)


def shoot(
    browser: Browser,
    address: str,
    file: Path,
    *,
    width: int = WIDE,
    height: int = TALL,
) -> None:
    """The window at an address."""
    with browser.page(width=width, height=height) as page:
        page.prefer(color_scheme="light")
        page.open(address)
        take(page, file)


def take(page: Page, file: Path) -> None:
    """What the window shows now, once the script has said how it stands."""
    page.wait_for("document.querySelector('#link')?.hidden !== true")
    page.screenshot(file, is_whole=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
