"""A headless Chromium, driven by the DevTools protocol over its websocket.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),  # a microphone
    *("--no-first-run", "--disable-background-networking", "--remote-debugging-port=0"),
)
SECONDS = 20.0
"""The longest wait for one answer of the browser."""
MOST_TABS = 80
"""More stops than any page of the tests has."""
SAID = {"Runtime.exceptionThrown", "Log.entryAdded"}
"""Events that tell of a fault in a page: a script's error, a broken content policy."""


class Screen(NamedTuple):
    """What a page is looked at on."""

    width: int
    height: int
    scheme: str


DESK, PHONE = Screen(1280, 900, "light"), Screen(390, 844, "dark")


def program() -> str | None:
    """The path of a Chromium, if this machine has one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[ClientConnection]:
    """The websocket of a new browser."""
    found = program()
    assert found
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        command = [found, *OPTIONS, f"--user-data-dir={directory}", "about:blank"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr
            lines = iter(process.stderr.readline, "")
            url = next(m[1] for line in lines if (m := re.search(r"listening on (ws://\S+)", line)))
            with connect(url, max_size=None, compression=None) as socket:
                yield socket
        finally:
            process.kill()
            process.communicate()


class Tab:
    """One page.

    ``faults`` has what its console and its scripts complained of, ``asked`` the questions that it
    put to a person, each of which got a yes.
    """

    def __init__(self, socket: ClientConnection, screen: Screen) -> None:
        self._socket, self._ids, self._session = socket, count(1), ""
        self.faults: list[str] = []
        self.asked: list[str] = []
        self._loads = 0
        context = self._send("Target.createBrowserContext")["browserContextId"]
        made = self._send("Target.createTarget", url="about:blank", browserContextId=context)
        attached = self._send("Target.attachToTarget", targetId=made["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._send(f"{domain}.enable")
        self.show_on(screen)

    def show_on(self, screen: Screen) -> None:
        size = {"width": screen.width, "height": screen.height}
        phone = screen.width < 500
        self._send("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": screen.scheme}
        self._send("Emulation.setEmulatedMedia", features=[scheme])

    def go(self, url: str) -> None:
        """Open a page, and wait until it has loaded."""
        self._send("Page.navigate", url=url)
        self._until("Page.loadEventFired")

    def click(self, selector: str) -> None:
        """Press what loads another page."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self._until("Page.loadEventFired")

    def press(self, key: str) -> None:
        """Tab, Enter or the space bar."""
        code, text = {"Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " ")}[key]
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            typed = {"text": text} if kind == "keyDown" else {}
            pressed = {"key": key, "windowsVirtualKeyCode": code, **typed}
            self._send("Input.dispatchKeyEvent", type=kind, **pressed)

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self._send("Input.insertText", text=text)

    def press_to_load(self, key: str) -> None:
        """Press what loads another page."""
        before = self._loads
        self.press(key)
        while self._loads == before:
            self._receive()

    def reach(self, selector: str) -> None:
        """Press Tab until this has the focus: from the top of the page, or from where it is."""
        for _ in range(MOST_TABS):
            self.press("Tab")
            if self.run(f"document.activeElement.matches({json.dumps(selector)})"):
                return
        raise AssertionError(f"no Tab reaches {selector}")

    def run(self, script: str) -> Any:
        """The value of an expression; of a promise, what it brings."""
        answer = self._send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until the page has changed so that this expression is true."""
        self.run(
            f"new Promise(done => {{ const look = () => ({condition}) && (watch.disconnect(), done());"
            "const watch = new MutationObserver(look); watch.observe(document, {subtree: true,"
            "childList: true, characterData: true, attributes: true}); look(); })"
        )

    def screenshot(self, path: Path) -> None:
        data = self._send("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def _send(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        self._socket.send(json.dumps(message | self._address()))
        while True:
            got = self._receive()
            if got.get("id") == number:
                assert "error" not in got, (method, got)
                return got["result"]

    def _until(self, event: str) -> None:
        while self._receive().get("method") != event:
            pass

    def _receive(self) -> dict[str, Any]:
        got: dict[str, Any] = json.loads(self._socket.recv(timeout=SECONDS))
        self._loads += got.get("method") == "Page.loadEventFired"
        if got.get("method") == "Page.javascriptDialogOpening":  # a page that asks first
            self.asked.append(got["params"]["message"])
            answer = {"method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            self._socket.send(json.dumps({"id": next(self._ids), **answer, **self._address()}))
        if got.get("method") in SAID:
            entry = got["params"].get("entry", got["params"])
            if entry.get("level", "error") == "error":
                self.faults.append(json.dumps(entry)[:500])
        return got

    def _address(self) -> dict[str, str]:
        return {"sessionId": self._session} if self._session else {}
