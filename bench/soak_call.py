"""One call of a soak, at either carrier: created, with callbacks, talked on, ended, and reported."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from bench.client import Client
from bench.load import request
from bench.prepared import AUTHORIZED, Requests
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.phone import Phone, phoning
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE

ANSWERED = {TWILIO.name: "in-progress", VONAGE.name: "answered"}
REPORT = "end-of-call-report"
PATIENCE = 60.0
"""Seconds for each thing that a call waits for, beside its talk."""
ECHO: Mapping[str, Any] = {"name": "soak", "transport": {"provider": "echo"}}


class Answered(NamedTuple):
    """``due``: seconds since the begin."""

    due: float
    seconds: float
    webhook: bool


@asynccontextmanager
async def waiting_for(what: str, seconds: float = 0.0) -> AsyncIterator[None]:
    """Wait for it ``seconds`` and ``PATIENCE``. Raises RuntimeError, which names it."""
    try:
        async with asyncio.timeout(seconds + PATIENCE):
            yield
    except TimeoutError as error:
        raise RuntimeError(f"{what} did not come") from error


class SoakCalls:
    """Calls at one bridge, and what came of them. ``now``: seconds since the begin."""

    def __init__(
        self, requests: Requests, now: Callable[[], float], agent: Mapping[str, Any] | None
    ) -> None:
        self.answers = list[Answered]()
        self.begun = set[str]()
        self.reported = set[str]()
        self.messages = Counter[str]()
        self.failures = Counter[str]()
        """What went wrong, by its description."""
        self._requests, self._now = requests, now
        self._client = Client(requests.port)
        self._fakes = tuple(FAKES[name] for name in ANSWERED)
        self._echo = requests.call("POST", "/assistant", ECHO)["id"]
        self._agent = requests.call("POST", "/assistant", agent)["id"] if agent else None

    @property
    def unreported(self) -> int:
        """Calls whose report has not come."""
        return len(self.begun - self.reported)

    def delivered(self, body: bytes) -> None:
        """Take a server message."""
        message = json.loads(body)["message"]
        self.messages[message["type"]] += 1
        if message["type"] == REPORT:
            self.reported.add(message["call"]["id"])

    async def run(self, number: int, seconds: float, *, speaks: bool) -> None:
        """One call, which talks for so long. ``speaks``: with the voice agent, not an echo."""
        try:
            await self._run(self._fakes[number % len(self._fakes)], seconds, speaks=speaks)
        except Exception as error:  # of any kind: it is counted, and fails the bench
            self.failures[f"{type(error).__name__}: {error}"[:200]] += 1

    async def _run(self, fake: CarrierFake, seconds: float, *, speaks: bool) -> None:
        assistant = self._agent if speaks else self._echo
        body = {**self._requests.body(fake.name), "assistantId": assistant}
        raw = request("/call", json.dumps(body).encode(), AUTHORIZED)
        call = json.loads(await self._ask(raw, webhook=False))
        self.begun.add(call["id"])
        leg, url = fake.new_ref(), fake.status_url(call["phoneCallProviderDetails"])
        await self._tell(fake, url, leg, "ringing", 1)
        await self._tell(fake, url, leg, ANSWERED[fake.name], 2)
        async with phoning(fake.name, call, leg) as phone:
            await (self._listens(phone, seconds) if speaks else self._echoes(phone, seconds))
        await self._tell(fake, url, leg, "completed", 3)

    async def _echoes(self, phone: Phone, seconds: float) -> None:
        """Hear oneself, then press the key that ends the call."""
        phone.say("book")
        async with waiting_for("the echo", seconds):
            await asyncio.gather(phone.hears(1), asyncio.sleep(seconds))
        await phone.socket.send(phone.caller.digit("#"))
        async with waiting_for("the end after #"):
            await phone.socket.wait_closed()

    async def _listens(self, phone: Phone, seconds: float) -> None:
        """Hear the greeting and an answer, then hang up."""
        async with waiting_for("the agent's greeting"):
            await phone.hears(1)
        phone.say("book")
        async with waiting_for("the agent's answer", seconds):
            await asyncio.gather(phone.hears(2), asyncio.sleep(seconds))

    async def _tell(self, fake: CarrierFake, url: str, leg: str, word: str, second: int) -> None:
        fields = fake.status(leg, word, second)
        await self._ask(self._requests.signed(fake, target(url), fields), webhook=True)

    async def _ask(self, raw: bytes, *, webhook: bool) -> bytes:
        due = self._now()
        what = "webhook" if webhook else "create"
        async with waiting_for(f"the answer to a {what}"):
            answer = await self._client.ask(raw)
        self.answers.append(Answered(due, answer.seconds, webhook))
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{what} answered {answer.status}")
        return answer.body
