"""The text of a call whose carrier hears and speaks by itself, as an assistant sees it.

One text is with the carrier's voice at a time. The carrier tells which words it has said. One that does
not tell is taken to speak at a usual rate.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from functools import partial
from typing import Any

from app.media.socket import Socket
from app.media.stream import MediaStream, now
from providers.base.media import Frame, Spoken, SpokenOver, TextSerializer, VoiceSpeaks

CHARACTERS_PER_SECOND = 15.0
# Beside the time that the words take: the voice begins late.
PATIENCE_SECONDS = 1.0
# How much longer than usual a voice that tells its words may take for them.
SLOW = 3.0
_BLANK = re.compile(r"\W+")


class TextStream(MediaStream):
    """One call's two-way text. It has no audio: what sends or clears audio does nothing."""

    def __init__(self, socket: Socket, serializer: TextSerializer, *rest: Any) -> None:
        super().__init__(socket, serializer, *rest)
        self._text = serializer
        # Of the text that is with the voice: all that was given, and what was said of it.
        self._given = self._said = ""
        self._begun = 0.0
        self._whole = False
        # Whether the voice has begun with it.
        self._voiced = False
        # Whether this carrier's voice tells which words it has said.
        self._tells = False
        self._over = asyncio.Event()
        self._over.set()
        # The words until the caller has interrupted; None: the caller has not.
        self._cut: str | None = None
        # What the caller does is not read any more: the assistant's end is decided.
        self.unread = False

    @property
    def has_text(self) -> bool:
        """Whether a text is with the voice, or was and is not asked about yet."""
        return bool(self._given)

    # -- speaking

    async def say(self, token: str, *, last: bool, interruptible: bool) -> None:
        """Give the voice a piece of a text."""
        if not self._given:
            self._begun, self._said, self._cut = now(), "", None
            self._voiced = False
            self._over.clear()
        self._given += token
        self._whole = last
        await self._write(partial(self._text.text, token, last=last, interruptible=interruptible))
        self._look()

    async def spoken(self) -> str:
        """Wait, within a bound, until the voice has said the whole text. Returns what was said.

        The next text may be given then. Empty: none was given.
        """
        await self._wait(1.0)
        if self._tells and not self._over.is_set():
            await self._wait(SLOW)
        return self._taken(self._given if self._cut is None else self._until_cut(self._cut))

    async def _wait(self, slow: float) -> None:
        seconds = len(self._given) / CHARACTERS_PER_SECOND + PATIENCE_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._begun + seconds * slow):
                await self._over.wait()

    async def interrupt(self) -> str:
        """Forget the text that is with the voice. Returns the words that were heard of it.

        The next text takes its place, so the voice must know that this one has no more.
        """
        if self._given and self._cut is None and not self._whole:
            await self._write(partial(self._text.text, "", last=True, interruptible=True))
        return self._heard()

    def _heard(self) -> str:
        if self._cut is not None:
            return self._taken(self._until_cut(self._cut))
        if self._over.is_set():
            return self._taken(self._given)
        return self._taken(self._told() if self._tells else self._by_time())

    def _until_cut(self, cut: str) -> str:
        """The text as far as it was heard. ``cut`` may be all that was, or its last sentence."""
        at = self._given.find(cut) if cut else -1
        return self._given[: at + len(cut)] if at >= 0 else max(self._told(), cut, key=len)

    def _told(self) -> str:
        """What was said, as it was given, if the carrier tells the same letters."""
        said = _bare(self._said)
        if not said or not _bare(self._given).startswith(said):
            return " ".join(self._said.split())
        left = len(said)
        for at, character in enumerate(self._given):
            if left <= 0 and character.isspace():
                return self._given[:at]
            left -= len(_bare(character))
        return self._given

    def _by_time(self) -> str:
        fits = int((now() - self._begun) * CHARACTERS_PER_SECOND)
        text = self._given
        return text if fits >= len(text) else text[: fits + 1].rpartition(" ")[0]

    async def press(self, keys: str) -> None:
        """Play keys to the leg."""
        await self._write(partial(self._text.press, keys))

    def _taken(self, heard: str) -> str:
        self._given = self._said = ""
        self._whole, self._cut = False, None
        self._over.set()
        return heard.strip()

    def _look(self) -> None:
        """Note whether all was said. The carrier may write it with other signs and spaces."""
        if self._whole and len(_bare(self._said)) >= len(_bare(self._given)):
            self._over.set()

    # -- for the session

    def deliver(self, frame: Frame, raw: str | bytes) -> None:
        """Take one message of the carrier. Raises ``QueueFull``."""
        if isinstance(frame, Spoken):
            self._tells = True
            self._said = f"{self._said} {frame.text}" if self._said else frame.text
            self._look()
            return
        if isinstance(frame, VoiceSpeaks):
            # the end of the text before this one may be told late
            if self._whole and self._voiced and not frame.on:
                self._over.set()
            self._voiced = frame.on
            return
        if isinstance(frame, SpokenOver):
            self._cut = frame.heard
            if self.unread:
                self._over.set()
        super().deliver(frame, raw)

    async def send(self, pcm: bytes) -> None:
        """Send nothing: the socket carries text."""

    async def goodbye(self) -> None:
        await self._write(self._text.goodbye)


def _bare(text: str) -> str:
    return _BLANK.sub("", text).casefold()
