"""The supervisor of one live call, who may speak to the caller and take the call over.

At most one at a time. What supervisors do goes to the assistant, which decides what it means.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

from app.domain.live.supervisor import TAKE_OVERS
from app.media.monitor.voice import RATE, Line, SupervisorVoice
from providers.common import foreign_json
from providers.common.json_types import JsonObject

JOINED, LEFT = "supervisor-joined", "supervisor-left"
UPDATE = "supervisor-update"
"""The message that tells who has the call."""
MAX_EVENTS = 100
"""What may wait for the assistant. A supervisor that sends more is not listened to meanwhile."""
OVER = (1000, "the call is over")


class AlreadySupervised(Exception):
    """Another supervisor speaks on this call."""


class Supervisor:
    """One supervisor's messages, until the call is over or its socket is."""

    def __init__(self) -> None:
        self._outgoing: asyncio.Queue[str | None] = asyncio.Queue()

    def tell(self, message: JsonObject) -> None:
        self._outgoing.put_nowait(json.dumps(message, ensure_ascii=False))

    def close(self) -> None:
        self._outgoing.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield what is to be sent."""
        while (message := await self._outgoing.get()) is not None:
            yield message


class Supervision:
    """The supervisors of one call, one after the other."""

    def __init__(self, line: Line, events: asyncio.Queue[JsonObject]) -> None:
        """``events``: what supervisors do, for the assistant."""
        # Called with the supervisor's sound at the line's rate, for a transcriber.
        self.heard: Callable[[bytes], None] = lambda pcm: None
        # Whether a supervisor has the call, and whether what one says is transcribed.
        self.is_taken = False
        self.is_transcribed = False
        self.farewell = OVER
        self._told: JsonObject = {}
        self._voice = SupervisorVoice(line)
        self._events = events
        self._present: Supervisor | None = None
        self._sending: asyncio.Task[None] | None = None

    def join(self) -> Supervisor:
        """A supervisor comes, and is told what to send. Raises ``AlreadySupervised``."""
        if self._present is not None:
            raise AlreadySupervised("another supervisor speaks on this call")
        self._present = supervisor = Supervisor()
        self._sending = asyncio.create_task(self._voice.run())
        supervisor.tell(
            {
                "type": "start",
                "encoding": "linear16",
                "container": "raw",
                "sampleRate": RATE,
                "channels": 1,
                **self.status,
            }
        )
        self._told = self.status
        self._events.put_nowait({"type": JOINED})
        return supervisor

    def leave(self, supervisor: Supervisor, *, deliberate: bool) -> None:
        """A supervisor has left: ``deliberate``, or because the connection was lost."""
        if self._present is not supervisor:
            return
        self._present = None
        if self._sending is not None:
            self._sending.cancel()
        self._events.put_nowait({"type": LEFT, "deliberate": deliberate})

    def take(self, message: str | bytes) -> None:
        """Take a supervisor's message: sound, or what they do."""
        if isinstance(message, bytes):
            if sound := self._voice.put(message):
                self.heard(sound)
        elif (event := _event(message)) is not None and self._events.qsize() < MAX_EVENTS:
            self._events.put_nowait(event)

    def over(self, piece: bytes) -> bytes:
        """A piece of the assistant's sound, with the supervisor's over it."""
        return self._voice.over(piece)

    @property
    def status(self) -> JsonObject:
        """Who has the call, and whether a supervisor's words get into its record."""
        return {"takenOver": self.is_taken, "transcribed": self.is_transcribed}

    def update(self, *, taken: bool) -> None:
        """Tell the supervisor who has the call from now on, if that is news."""
        self.is_taken = taken
        if self._present is not None and self.status != self._told:
            self._told = self.status
            self._present.tell({"type": UPDATE, **self.status})

    def close(self, farewell: tuple[int, str]) -> None:
        """End the supervisor's socket. ``farewell``: its close code and text."""
        self.farewell = farewell
        if self._present is not None:
            self._present.close()


def _event(message: str) -> JsonObject | None:
    """A message that is one of ``TAKE_OVERS``; any other is ignored."""
    try:
        found = foreign_json.parse(message)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("type") in TAKE_OVERS else None
