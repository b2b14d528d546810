"""Live calls of a bench, at both carriers: sound goes on, and a leg asks again when it is lost."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from flask import Flask
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from providers.common.audio import mulaw_to_pcm
from providers.simulation.timeline import Request
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import ACCOUNT, API_KEY, AUTH_TOKEN, SIGNATURE_SECRET
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.leg import OURS, Document, Leg, target
from tests.fakes.carriers.twilio import TwilioCaller, TwilioLeg
from tests.fakes.carriers.vonage import VonageCaller, VonageLeg

STEP = 0.02
KEY_FRAMES = 100
"""Frames from one pressed key to the next, for an assistant that speaks when it is asked."""
NUMBERS = {f"{name.upper()}_PHONE_NUMBER": OURS for name in FAKES}
"""Variables of the bridge: the number that these legs call."""


class _Requests:
    """Makes signed requests instead of sending them to an application."""

    base: str

    def post(
        self, url: str, fields: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Request:
        leg = cast("Leg", self)
        made = leg.signer.request("POST", self.base + target(url), {**leg._names(), **fields})
        return Request("POST", made.url, {**made.headers, **(headers or {})}, made.body)


class _Twilio(_Requests, TwilioLeg):  # type: ignore[misc]  # ``post`` sends nothing here
    pass


class _Vonage(_Requests, VonageLeg):  # type: ignore[misc]
    pass


def new_leg(carrier: str, base: str) -> Leg:
    """An inbound leg of the bench's own account. ``base``: PUBLIC_URL."""
    none = cast("Flask", None)
    leg: Any = (
        _Twilio(none, ACCOUNT, AUTH_TOKEN)
        if carrier == TwilioLeg.name
        else _Vonage(none, API_KEY, SIGNATURE_SECRET)
    )
    leg.base = base
    return cast("Leg", leg)


def new_caller(leg: Leg) -> Caller:
    if leg.name == TwilioLeg.name:
        return TwilioCaller(call=leg.ref, account=leg.account, parameters={"callId": leg.ref})
    return VonageCaller(leg.ref)


@dataclass
class Gap:
    """One hand-over, in seconds: what the caller did not hear, and its parts."""

    silence: float
    closing: float
    """From the last sound to the closed socket."""
    asking: float
    """From there to the next document."""
    opening: float
    """From there to the first sound."""


class LiveCall:
    """One call. It is over when a leg gets no further media socket."""

    def __init__(
        self, carrier: str, base: str, web: aiohttp.ClientSession, *, keys: bool = False
    ) -> None:
        self.leg = new_leg(carrier, base)
        self.caller = new_caller(self.leg)
        self.gaps = list[Gap]()
        self.refused = 0
        self.problem = ""
        self.heard = asyncio.Event()
        self.heard_at = 0.0
        """When the last sound came."""
        self._web, self._keys = web, keys
        self._turn = 0
        self._closed_at = self._asked_at = 0.0
        pcm = mulaw_to_pcm(b"\x10" * int(self.caller.rate * STEP))
        self._sound = self.caller.sound(pcm)

    async def live(self, assistant_id: str) -> None:
        document = await self._send(cast("Any", self.leg.arrive({"assistantId": assistant_id})))
        while document is not None:
            if await self._talk(document):
                self._turn += 1
                document = await self._ask(document)
            else:
                document = None

    async def _talk(self, document: Document) -> bool:
        """Until the bridge closes. Returns whether the leg asks for its next document."""
        headers = self.leg.signer.handshake(document.media_url)
        try:
            socket = await connect(
                document.media_url,
                additional_headers=headers,
                compression=None,
                proxy=None,
                ping_interval=None,
                close_timeout=1,
            )
        except (OSError, InvalidHandshake) as error:
            self.refused += 1
            self.problem = f"media socket refused: {error}"
            return self.leg.name == TwilioLeg.name
        async with socket:
            for message in self.caller.opening():
                await socket.send(message)
            sending = asyncio.create_task(self._speak(socket))
            try:
                await self._listen(socket)
            finally:
                sending.cancel()
        self._closed_at = time.monotonic()
        return True

    async def _speak(self, socket: ClientConnection) -> None:
        due = time.monotonic()
        with suppress(ConnectionClosed):
            for number in itertools.count():
                await socket.send(self._sound)
                if self._keys and number % KEY_FRAMES == 0:
                    await socket.send(self.caller.digit("1"))
                due += STEP
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _listen(self, socket: ClientConnection) -> None:
        first = True
        with suppress(ConnectionClosed):
            async for message in socket:
                if not is_sound(message):
                    continue
                now = time.monotonic()
                if first and self.heard_at:
                    self._note_gap(now)
                first, self.heard_at = False, now
                self.heard.set()

    def _note_gap(self, now: float) -> None:
        last, closed, asked = self.heard_at, self._closed_at, self._asked_at
        self.gaps.append(Gap(now - last, closed - last, asked - closed, now - asked))

    async def _ask(self, document: Document) -> Document | None:
        """The carrier runs the next verb, or says that the socket is gone."""
        found = await self._send(cast("Any", self.leg.ask(document, self._turn)))
        self._asked_at = time.monotonic()
        return found

    async def _send(self, request: Request) -> Document | None:
        try:
            async with self._web.post(
                request.url, data=request.body, headers=request.headers
            ) as answer:
                text = await answer.text()
                if answer.status != 200:
                    self.problem = f"a document was answered with {answer.status}"
                    return None
        except (aiohttp.ClientError, TimeoutError) as error:
            self.problem = f"no document: {error!r}"
            return None
        found = self.leg.read(text)
        if found is None:
            self.problem = f"told to go: {' '.join(text.split())[:120]}"
        return found


def is_sound(message: str | bytes) -> bool:
    """Whether a message to the carrier is audio, told without parsing 1,000 of them a second."""
    return isinstance(message, bytes) or '"media"' in message
