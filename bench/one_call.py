"""One call of a load: created, its document fetched, three callbacks, each when it is due."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import NamedTuple

from bench.client import Client
from bench.prepared import Requests
from bench.record import CALLBACK, CREATE, MARKUP, REPORT, Record
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO

FETCH_AFTER = 0.1
"""Seconds from the create's answer to the request for the document."""


class Word(NamedTuple):
    """A word of the carrier's: when it comes, and the messages that it causes."""

    status: str
    after: float
    """Seconds from the create's answer."""
    causes: tuple[str, ...] = ()


WORDS = (Word("ringing", 0.3), Word("in-progress", 0.8), Word("completed", 2.0, ("ended", REPORT)))
"""The document's fetch has caused ``ringing`` before; ``in-progress`` needs a media socket."""
OUTBOUND = {"Direction": "outbound-api", "From": TWILIO.number, "To": CUSTOMER}


class Calls:
    """Calls at one bridge."""

    def __init__(
        self, client: Client, requests: Requests, record: Record, now: Callable[[], float]
    ) -> None:
        self._client, self._requests, self._record, self._now = client, requests, record, now
        self._create = requests.create(1)[0]

    async def run(self) -> None:
        """One call, from its creation to its end. A refused one ends at once."""
        due = self._now()
        answer = await self._client.ask(self._create)
        self._record.answered(CREATE, due, answer)
        if answer.status != 201:
            return
        call = json.loads(answer.body)
        self._record.caused((call["id"], "queued"), due)
        leg, url = TWILIO.new_ref(), TWILIO.status_url(call["phoneCallProviderDetails"])
        document = f"/twilio/calls/{call['id']}/twiml"
        async with asyncio.TaskGroup() as tasks:
            fields = TWILIO.arrival(leg, **OUTBOUND)
            fetch = self._tell(call["id"], document, fields, FETCH_AFTER, "ringing", kind=MARKUP)
            tasks.create_task(fetch)
            for second, word in enumerate(WORDS, 1):
                fields = TWILIO.status(leg, word.status, second)
                told = self._tell(call["id"], target(url), fields, word.after, *word.causes)
                tasks.create_task(told)

    async def _tell(
        self,
        call: str,
        path: str,
        fields: dict[str, str],
        after: float,
        *caused: str,
        kind: str = CALLBACK,
    ) -> None:
        """A webhook that causes these messages."""
        await asyncio.sleep(after)
        due = self._now()
        for name in caused:
            self._record.caused((call, name), due)
        answer = await self._client.ask(self._requests.signed(TWILIO, path, fields))
        self._record.answered(kind, due, answer)
        if not 200 <= answer.status < 300:
            for name in caused:
                self._record.cancelled((call, name))
