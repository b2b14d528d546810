"""Calls of a bench: created over the API, connected to the bridge, and measured for a while."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from bench.phone import Phone, Record, window
from bench.serving import JSON, KEY, Process, bridge, core_busy, module
from bench.sounds import GREETING
from tests.fakes.carriers.twilio import TWILIO

BRIDGE_CORE = 0
TURNS = {False: "silence timeout", True: "smart-turn"}
"""The assistants: whether the turn model ends a caller's turn."""
WAIT = 0.4
"""``startSpeakingPlan.waitSeconds``."""
BETWEEN = 0.25
"""Seconds between the starts of two calls, so that their turns spread."""

_names = itertools.count()
AnyPhone = TypeVar("AnyPhone", bound=Phone)


@dataclass(frozen=True)
class Seen:
    """One window of ``calls`` at once. Shares are shares of the bridge's core."""

    calls: int
    record: Record
    seconds: float
    cpu: float
    others: float
    """Share of the core that other processes took."""

    @property
    def per_call(self) -> float:
        return self.cpu / self.calls


class Api:
    """The bridge's API, and an assistant per way to end a turn."""

    def __init__(self, bridge: Process, vendors: Process) -> None:
        self.bridge, self.vendors = bridge, vendors
        self.base = f"http://localhost:{bridge.port}"
        numbers = {row["provider"]: row["id"] for row in self.ask("GET", "/phone-number")}
        self.number = numbers["twilio"]
        self.assistants = {
            smart: self.ask("POST", "/assistant", assistant(smart))["id"] for smart in (False, True)
        }
        self.speech = self.ask("POST", "/assistant", speech_assistant())["id"]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {**JSON, "Authorization": f"Bearer {KEY}"}
        asked = urllib.request.Request(self.base + path, data, headers, method=method)
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)

    def body(self, *, smart: bool, customer: str, speech: bool = False) -> dict[str, Any]:
        return {
            "phoneNumberId": self.number,
            "assistantId": self.speech if speech else self.assistants[smart],
            "customer": {"number": customer},
            "phoneCallProviderBypassEnabled": True,
        }

    def phone(self, *, smart: bool, speech: bool = False) -> tuple[str, Phone]:
        """Create a call that waits for its socket; the vendors log its name.

        ``speech``: its model hears and speaks by itself.
        """
        name = _name()
        url, call = self.created(self.body(smart=smart, customer=name, speech=speech))
        return name, Phone(url, call)

    def phone_of(self, assistant_id: str, kind: type[AnyPhone]) -> AnyPhone:
        """The same with an assistant, and a kind of phone, of the bench's own."""
        body = self.body(smart=False, customer=_name())
        return kind(*self.created({**body, "assistantId": assistant_id}))

    def created(self, body: dict[str, Any]) -> tuple[str, str]:
        """Create a call. Returns its media socket's URL, and its id."""
        made = self.ask("POST", "/call", body)
        url = TWILIO.media_url(made["phoneCallProviderDetails"])
        assert urlsplit(url).port == self.bridge.port
        return url, made["id"]

    def moments(self, name: str) -> list[dict[str, float]]:
        """The vendors' log of a call's turns since the last request."""
        url = f"http://127.0.0.1:{self.vendors.port}/log/{name}"
        with urllib.request.urlopen(url) as answer:
            found: list[dict[str, float]] = json.load(answer)
            return found


def leave_the_bridges_core() -> None:
    """Run this process, and those that it starts, on the other cores."""
    others = os.sched_getaffinity(0) - {BRIDGE_CORE}
    if not others:
        raise SystemExit("this bench needs two cores: one for the bridge, one for its callers")
    os.sched_setaffinity(0, others)


def _name() -> str:
    return f"+1415{5550000 + next(_names)}"


def assistant(smart: bool) -> dict[str, Any]:
    return {
        "name": "bench",
        "firstMessage": GREETING,
        "model": {
            "provider": "openai",
            "model": "gpt-4o",
            "messages": [{"role": "system", "content": "{{customer.number}}"}],
        },
        "voice": {"provider": "openai", "voiceId": "alloy"},
        "transcriber": {"provider": "deepgram", "model": "nova-2", "language": "en"},
        "startSpeakingPlan": {"waitSeconds": WAIT, "smartEndpointingEnabled": smart},
        "maxDurationSeconds": 600,
    }


def speech_assistant() -> dict[str, Any]:
    """The same with a model that hears and speaks by itself."""
    whole = assistant(smart=False)
    model = {**whole["model"], "model": "gpt-realtime"}
    del whole["transcriber"]
    return {**whole, "model": model}


class Crowd:
    """Calls that go on during the context; more may join."""

    def __init__(self, api: Api, *, smart: bool = False, speech: bool = False) -> None:
        self.phones = dict[str, Phone]()
        self._api, self._kind = api, {"smart": smart, "speech": speech}
        self._tasks = list[asyncio.Task[None]]()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def grow(self, calls: int) -> None:
        """Add calls up to this number, and wait until all have heard the greeting."""
        while len(self.phones) < calls:
            name, phone = await asyncio.to_thread(partial(self._api.phone, **self._kind))
            self.phones[name] = phone
            self._tasks.append(asyncio.create_task(phone.live()))
            await asyncio.sleep(BETWEEN)
        while not all(phone.first_sound for phone in self.phones.values()):
            await asyncio.sleep(0.05)
            if dead := [task for task in self._tasks if task.done()]:
                dead[0].result()
                raise SystemExit("a call has ended by itself")

    async def watch(self, seconds: float) -> Seen:
        """Measure the calls for so many seconds."""
        bridge = self._api.bridge
        window(list(self.phones.values()))
        began, cpu, busy = time.monotonic(), bridge.cpu, core_busy(BRIDGE_CORE)
        await asyncio.sleep(seconds)
        took = time.monotonic() - began
        used = (bridge.cpu - cpu) / took
        others = (core_busy(BRIDGE_CORE) - busy) / took - used
        record = window(list(self.phones.values()))
        return Seen(len(self.phones), record, took, used, max(0.0, others))

    def moments(self) -> list[dict[str, float]]:
        """The vendors' log of all calls."""
        return [moment for name in self.phones for moment in self._api.moments(name)]


@contextmanager
def warmed(
    more: Mapping[str, str] | None = None, vendors_module: str = "bench.vendors"
) -> Iterator[Api]:
    """The bridge and the vendors, with further variables of the bridge."""
    with module(vendors_module) as vendors:
        origin = f"http://127.0.0.1:{vendors.port}"
        variables = {
            "OPENAI_API_KEY": "bench",
            "OPENAI_BASE_URL": f"{origin}/v1",
            "DEEPGRAM_API_KEY": "bench",
            "DEEPGRAM_BASE_URL": origin,
            "SERVER_URL": f"{origin}/server",
            "MAX_CALLS_PER_PROCESS": "0",
            **(more or {}),
        }
        with bridge(more=variables, core=BRIDGE_CORE) as process:
            yield Api(process, vendors)


async def warm(api: Api) -> None:
    """Run calls of one turn each, so that pipecat and all that they need is loaded."""
    for smart in TURNS:
        await (await asyncio.to_thread(api.phone, smart=smart))[1].live(turns=1)
    await (await asyncio.to_thread(api.phone, smart=False, speech=True))[1].live(turns=1)
