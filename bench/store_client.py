"""A client and a carrier that come again until they are answered, as the real ones do."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import urllib3

from bench.serving import JSON, KEY
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO

WORDS = ("initiated", "ringing", "in-progress", "completed")
CLOSE = {"Connection": "close"}
"""The server may close a connection that is kept just as a request is sent on it."""
AGAIN_SECONDS = 0.2
PATIENCE = 60.0
"""Seconds for which a request is repeated."""


@dataclass
class Answers:
    """What was answered: the longest time of each kind of request, and how often which status."""

    slowest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    statuses: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, status: int, seconds: float) -> None:
        with self._lock:
            self.slowest[kind] = max(self.slowest[kind], seconds)
            self.statuses[f"{status}"] += 1

    def begin(self) -> None:
        """Forget what was before."""
        with self._lock:
            self.slowest.clear()
            self.statuses.clear()

    @property
    def wrong(self) -> int:
        """Answers that are errors and not 503. Status 0: the connection failed."""
        return sum(n for s, n in self.statuses.items() if s == "0" or ("500" <= s != "503"))


class StoreClient:
    """Talks to one bridge. Any thread may use it."""

    def __init__(self, port: int, server_url: str) -> None:
        self.url = f"http://localhost:{port}"
        self.http = urllib3.PoolManager(maxsize=64, retries=False, timeout=30.0)
        self.answers = Answers()
        self._server_url = server_url
        numbers = json.loads(self.ask("setup", "GET", "/phone-number")[1])
        self._number = next(each["id"] for each in numbers if each["provider"] == "twilio")
        self.answers.begin()

    def ask(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """One request; status 0 without an answer."""
        began, status, data = time.monotonic(), 0, b""
        with suppress(urllib3.exceptions.HTTPError):
            answer = self.http.request(
                method,
                self.url + path,
                body=None if body is None else json.dumps(body),
                headers={"Authorization": f"Bearer {KEY}", **JSON, **CLOSE, **(headers or {})},
            )
            status, data = answer.status, answer.data
        self.answers.add(kind, status, time.monotonic() - began)
        return status, data

    def create(self, key: str) -> tuple[int, Any]:
        """One attempt to make the call of this idempotency key."""
        body = {
            "phoneNumberId": self._number,
            "assistant": {"transport": {"provider": "echo"}, "server": {"url": self._server_url}},
            "customer": {"number": CUSTOMER},
            "phoneCallProviderBypassEnabled": True,
        }
        status, data = self.ask("create", "POST", "/call", body, {"Idempotency-Key": key})
        return status, json.loads(data) if status == 201 else None

    def say(self, call: Any, word: str) -> int:
        """One signed callback about the call's leg, once."""
        path = target(call["phoneCallProviderDetails"]["statusCallback"])
        ref = "CA" + call["id"].replace("-", "")
        began, status = time.monotonic(), 0
        with suppress(urllib3.exceptions.HTTPError):
            fields = TWILIO.status(ref, word, WORDS.index(word))
            status = TWILIO.send(self, path, fields, headers=CLOSE)[0]
        self.answers.add("callback", status, time.monotonic() - began)
        return status

    def created(self, key: str) -> Any:
        """The call, however often it has to be asked for; None: patience is over."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            _, call = self.create(key)
            if call is not None:
                return call
            time.sleep(AGAIN_SECONDS)
        return None

    def said(self, call: Any, word: str) -> bool:
        """Whether the callback was acknowledged in the end."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self.say(call, word) == 204:
                return True
            time.sleep(AGAIN_SECONDS)
        return False
