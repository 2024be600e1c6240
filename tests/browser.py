"""A real headless Chromium for the tests of the pages: one browser, pages that share nothing."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import third_party
from devtools import DevTools, DevToolsError, Message
from programs import find_program
from waiting import wait_until

WAIT_SECONDS: Final = 60.0
_KEYS: Final[Mapping[str, tuple[str, int, str]]] = {
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "Space": ("Space", 32, " "),
    "Tab": ("Tab", 9, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
}
"""Name to code, virtual key number, and the text that the key types."""
_SHIFT: Final = 8
_AXE: Final = """
axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations
  .filter(each => ["serious", "critical"].includes(each.impact))
  .map(each => each.id + ": " + each.nodes.map(node => node.html.slice(0, 200)).join(" | ")))
"""


@contextmanager
def running_browser() -> Iterator["Browser"]:
    """A started browser; the test is skipped, or fails on CI, where there is no Chromium."""
    program = find_program("chromium", "apt-get install chromium")
    browser = Browser(DevTools(program))
    try:
        yield browser
    finally:
        browser.close()


class Browser:
    """One Chromium; every page has cookies, cache and storage of its own."""

    def __init__(self, tools: DevTools) -> None:
        self._tools = tools

    def close(self) -> None:
        """Ends it."""
        self._tools.close()

    @contextmanager
    def page(self, *, width: int = 1280, height: int = 900) -> Iterator["Page"]:
        """A page of its own, closed at the end.

        Args:
            width: of the window, in CSS pixels.
            height: the same.
        """
        context = self._tools.ask("Target.createBrowserContext")["browserContextId"]
        target = self._tools.ask("Target.createTarget", url="about:blank", browserContextId=context)
        page = Page(self._tools, context, target["targetId"])
        page.resize(width, height)
        try:
            yield page
        finally:
            self._tools.ask("Target.disposeBrowserContext", browserContextId=context)


class Page:
    """One page.

    Attributes:
        requests: address of every request it made, in order.
        problems: what its console and its scripts complained of, violations of its policy included.
    """

    def __init__(self, tools: DevTools, context: str, target: str) -> None:
        self._tools = tools
        self._context = context
        attached = tools.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.requests: list[str] = []
        self.problems: list[str] = []
        self._loads = 0
        tools.listen(self._session, self._note)
        for domain in ("Page", "Network", "Runtime", "Log", "DOM"):
            self._ask(f"{domain}.enable")

    def open(self, address: str) -> None:
        """Goes to an address and waits until it is loaded."""
        before = self._loads
        answer = self._ask("Page.navigate", url=address)
        assert not answer.get("errorText"), f"{address}: {answer['errorText']}"
        self.wait_for_load(before)

    def wait_for_load(self, before: int | None = None) -> None:
        """Waits for one load more than there were."""
        seen = self._loads if before is None else before
        if not self._tools.wait(lambda: self._loads > seen, WAIT_SECONDS):
            raise DevToolsError(f"The page did not load within {WAIT_SECONDS:g} s")

    @property
    def loads(self) -> int:
        """How many documents were loaded; a page that follows without a reload adds none."""
        return self._loads

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self._ask(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if told := answer.get("exceptionDetails"):
            raise DevToolsError(f"{expression[:200]}: {told.get('exception', told)}")
        return answer["result"].get("value")

    @property
    def address(self) -> str:
        """Where the page is."""
        return str(self.evaluate("location.href"))

    def text(self, selector: str = "body") -> str:
        """What a reader sees inside an element; empty where there is none."""
        return str(
            self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        )

    def count(self, selector: str) -> int:
        """How many elements match."""
        return int(self.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length"))

    def wait_for_text(
        self, text: str, selector: str = "body", *, deadline_seconds: float = WAIT_SECONDS
    ) -> None:
        """Waits until an element shows a text."""
        what = f"{text!r} in {selector}"
        wait_until(lambda: text in self.text(selector), deadline_seconds, what=what)

    def wait_for(self, expression: str, *, deadline_seconds: float = WAIT_SECONDS) -> Any:
        """Waits until a JavaScript expression is true; its value."""
        return wait_until(lambda: self.evaluate(expression), deadline_seconds, what=expression)

    def click(self, selector: str) -> None:
        """Clicks with the mouse in the middle of an element."""
        x, y = self._middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def follow(self, selector: str) -> None:
        """Clicks what leads to another document, and waits for that one."""
        before = self._loads
        self.click(selector)
        self.wait_for_load(before)

    def fill(self, selector: str, text: str) -> None:
        """Puts the focus into a field, takes out what it holds, and types."""
        self.evaluate(f"{_found(selector)}.focus()")
        self.evaluate(f"{_found(selector)}.select?.()")
        self._ask("Input.insertText", text=text)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Presses and releases a key: a name such as ``Tab``, or one character."""
        # The numbers of punctuation are not those of its characters: 46 deletes.
        number = ord(key.upper()) if len(key) == 1 and key.isalnum() else 0
        code, number, text = _KEYS.get(key, (key, number, key))
        named = {"key": " " if key == "Space" else key, "code": code}
        held = {"modifiers": _SHIFT} if shift else {}
        down = {"type": "keyDown" if text else "rawKeyDown", "windowsVirtualKeyCode": number}
        if text:
            down |= {"text": text}
        self._ask("Input.dispatchKeyEvent", **down, **named, **held)
        up = {"type": "keyUp", "windowsVirtualKeyCode": number}
        self._ask("Input.dispatchKeyEvent", **up, **named, **held)

    def focused(self) -> str:
        """The text or the name of the element that has the focus."""
        script = (
            "(e => (e.innerText || e.name || e.id || e.tagName).trim())(document.activeElement)"
        )
        return str(self.evaluate(script))

    def resize(self, width: int, height: int, *, scale: float = 1.0) -> None:
        """Gives the window another size, in CSS pixels; a narrow one is a phone's."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    def prefer(self, **features: str) -> None:
        """Sets media features, such as ``color_scheme="dark"``, as the reader's wish."""
        wishes = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self._ask("Emulation.setEmulatedMedia", features=wishes)

    def set_time_zone(self, name: str) -> None:
        """Puts the reader into a zone, such as ``Asia/Tokyo``."""
        self._ask("Emulation.setTimezoneOverride", timezoneId=name)

    def go_offline(self, *, is_offline: bool) -> None:
        """Cuts the page off from every server, or lets it back."""
        self._ask(
            "Network.emulateNetworkConditions",
            offline=is_offline,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def switch_scripts_off(self) -> None:
        """No script of a document runs any more; ``evaluate`` still does."""
        self._ask("Emulation.setScriptExecutionDisabled", value=True)

    def screenshot(self, path: Path, *, is_whole: bool = True) -> None:
        """Writes a PNG of the window, or of the whole document."""
        options: Message = {"format": "png", "captureBeyondViewport": is_whole}
        if is_whole:
            size = self._ask("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {
                "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1,
            }  # fmt: skip
        data = self._ask("Page.captureScreenshot", **options)["data"]
        path.write_bytes(base64.b64decode(data))

    def download_to(self, folder: Path) -> None:
        """Lets downloads land in a folder under their own names."""
        self._tools.ask(
            "Browser.setDownloadBehavior",
            behavior="allow",
            downloadPath=str(folder),
            browserContextId=self._context,
        )

    def choose_files(self, selector: str, *files: Path) -> None:
        """Puts files into a field for files."""
        root = self._ask("DOM.getDocument")["root"]["nodeId"]
        node = self._ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._ask("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def serious_violations(self) -> list[str]:
        """What axe-core finds that is serious or critical, one line for each rule."""
        folder = third_party.unpacked("axe-playwright-python")
        script = folder / "axe_playwright_python" / "axe.min.js"
        self.evaluate(script.read_text("utf-8") + "; true")
        return [str(line) for line in self.evaluate(_AXE)]

    def foreign_requests(self, origin: str) -> list[str]:
        """The requests that left an origin such as ``http://127.0.0.1:8571``."""
        own = urlsplit(origin)
        return [
            address
            for address in self.requests
            if (asked := urlsplit(address)).scheme not in {"about", "data", "blob"}
            and (asked.scheme, asked.netloc) != (own.scheme, own.netloc)
        ]

    def _ask(self, method: str, /, **parameters: Any) -> Message:
        return self._tools.ask(method, self._session, **parameters)

    def _middle(self, selector: str) -> tuple[float, float]:
        script = f"""(e => {{ e.scrollIntoView({{block: "center", behavior: "instant"}});
            const box = e.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2]; }})({_found(selector)})"""
        x, y = self.evaluate(script)
        return float(x), float(y)

    def _note(self, method: str, told: Message) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Page.loadEventFired":
                self._loads += 1
            case "Runtime.exceptionThrown":
                details = told["exceptionDetails"]
                self.problems.append(str(details.get("exception", {}).get("description", details)))
            case "Log.entryAdded" if told["entry"]["level"] in {"error", "warning"}:
                self.problems.append(told["entry"]["text"])


def _found(selector: str) -> str:
    """JavaScript for the first element that matches."""
    return f"document.querySelector({json.dumps(selector)})"
