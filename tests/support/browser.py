"""Headless Chromium, driven by its own protocol: pages as a person sees them."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.sync.client import ClientConnection, connect

from tests.support import web
from tests.support.environment import clean_environment
from tests.support.processes import program
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHROMIUM = "chromium"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
)


@dataclass(frozen=True, slots=True)
class Screen:
    """What it is looked at on; width and height in CSS pixels."""

    name: str
    width: int
    height: int
    mobile: bool


PHONE = Screen("phone", 360, 740, mobile=True)
DESKTOP = Screen("desktop", 1280, 800, mobile=False)


class Page:
    """One tab of a browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self.problems: list[str] = []
        """Errors in the console, and exceptions of scripts."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def prefer(self, scheme: str) -> None:
        """Emulate the system's preference: `light` or `dark`."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._call("Emulation.setEmulatedMedia", features=[feature])

    def press(self, key: str, text: str = "") -> None:
        """Press a key of the keyboard, by its name in `KeyboardEvent.key`."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        given: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": codes.get(key, 0)}
        if text:
            given["text"] = text
        self._call("Input.dispatchKeyEvent", type="keyDown", **given)
        self._call("Input.dispatchKeyEvent", type="keyUp", **given)

    def open(self, url: str, screen: Screen) -> None:
        """Load an address and wait until all of it is there."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=screen.width,
            height=screen.height,
            deviceScaleFactor=2 if screen.mobile else 1,
            mobile=screen.mobile,
        )
        answer = self._call("Page.navigate", url=url)
        assert "errorText" not in answer, answer
        while self._received().get("method") != "Page.loadEventFired":
            pass

    def set_cookies(self, url: str, cookies: Mapping[str, str]) -> None:
        """Send these to that address from now on, as if it had set them itself."""
        for name, value in cookies.items():
            answer = self._call("Network.setCookie", url=url, name=name, value=value)
            assert answer["success"], name

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script: str, timeout: float = PATIENCE) -> None:
        """Until a JavaScript expression is true. Raises AssertionError with the page's text."""
        deadline = time.monotonic() + timeout
        while not self.evaluate(script):
            assert time.monotonic() < deadline, self.evaluate("document.body.innerText")
            time.sleep(0.1)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write what is on the screen, or the whole page below it, as PNG."""
        options = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            size = self._call("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {**size, "scale": 1}
        data = self._call("Page.captureScreenshot", **options)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))

    def _received(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._connection.recv(timeout=PATIENCE))
        given = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.problems.append(str(given["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and given["entry"]["level"] == "error":
            self.problems.append(f"{given['entry']['text']} {given['entry'].get('url', '')}")
        elif message.get("method") == "Runtime.consoleAPICalled" and given["type"] == "error":
            self.problems.append(str(given["args"]))
        return message

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._connection.send(json.dumps(message))
        while True:
            answer = self._received()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result


@contextmanager
def browser() -> Iterator[Page]:
    """Run Chromium with a profile of its own. Raises AssertionError where it is missing."""
    assert shutil.which(CHROMIUM), f"wanted {CHROMIUM} on the PATH: Debian's package has that name"
    with tempfile.TemporaryDirectory(prefix="corkboard-browser-") as profile:
        # It writes the port that it has chosen, and the address behind it, there.
        address = Path(profile) / "DevToolsActivePort"
        command = [CHROMIUM, *ARGUMENTS, f"--user-data-dir={profile}", "about:blank"]
        with program(command, env=clean_environment()) as running:
            running.wait_until(lambda: address.exists() and "\n" in address.read_text())
            port, _ = address.read_text().splitlines()
            yield from _page(port)


def _page(port: str) -> Iterator[Page]:

    targets = web.get(f"http://127.0.0.1:{port}/json/list").json()
    [tab] = [target for target in targets if target["type"] == "page"]
    with connect(tab["webSocketDebuggerUrl"], max_size=None) as connection:
        yield Page(connection)
