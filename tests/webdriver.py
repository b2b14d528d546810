"""Chromium by its driver's own HTTP protocol: https://www.w3.org/TR/webdriver2/

The microphone and the speaker are Chromium's fake ones. Where there is no driver, a test says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from tests.bridge import free_port

DRIVER, BROWSERS = "chromedriver", ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # the tests' user may be root, in a container
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",  # beeps, which an echo sends back
)
SCRIPT_SECONDS = 20
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Page:
    """One browser's window."""

    def __init__(self, driver: str) -> None:
        self._http = urllib3.PoolManager()
        self._session = driver
        options = {"args": list(ARGUMENTS)}
        if (found := next(filter(None, map(shutil.which, BROWSERS)), None)) is not None:
            options["binary"] = found
        wanted = {"alwaysMatch": {"goog:chromeOptions": options}}
        made = self._ask("POST", "/session", {"capabilities": wanted})
        self._session = f"{driver}/session/{made['sessionId']}"
        self._ask("POST", "/timeouts", {"script": SCRIPT_SECONDS * 1000})

    def open(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    def allow_microphone(self, allowed: bool) -> None:
        """As if the user had answered the browser's question on this page's host."""
        state = "granted" if allowed else "denied"
        self._ask("POST", "/permissions", {"descriptor": {"name": "microphone"}, "state": state})

    def click(self, selector: str) -> None:
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"/element/{found[ELEMENT]}/click", {})

    def run(self, script: str, *arguments: Any) -> Any:
        """What the script gives to ``done``, its last argument."""
        body = {"script": script, "args": list(arguments)}
        return self._ask("POST", "/execute/async", body)

    def until(self, condition: str) -> None:
        """Wait until this JavaScript expression holds; the browser looks at each frame."""
        self.run(
            "const done = arguments[0];"
            f"const look = () => ({condition}) ? done(true) : setTimeout(look, 5); look();"
        )

    def close(self) -> None:
        self._ask("DELETE", "")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body)
        answer = self._http.request(method, self._session + path, body=data, retries=False)
        value = answer.json()["value"]
        assert answer.status == 200, value
        return value


@contextmanager
def browsing() -> Iterator[Page | None]:
    """A page of a new browser; None where there is no driver, which is said."""
    if shutil.which(DRIVER) is None:
        print(f"NOT CHECKED IN A BROWSER: there is no {DRIVER} on the path", file=sys.stderr)
        yield None
        return
    port = free_port()
    environ = {**os.environ, "NO_PROXY": "127.0.0.1,localhost"}
    command = [DRIVER, f"--port={port}"]
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            if "successfully" in line:
                break
        try:
            page = Page(f"http://127.0.0.1:{port}")
            yield page
            page.close()
        finally:
            driver.terminate()
