"""The carrier's end of a media socket with text: its voice says what the bridge sends, word for word.

The voice speaks at its own pace, and tells what it has said. A caller who speaks over it cuts it.
"""

from __future__ import annotations

import re
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from websockets.sync.client import ClientConnection

from providers.simulation.media_socket import MediaSocket

CHARACTERS_PER_SECOND = 15.0
# What a caller says to an assistant that is silent for so long.
HELLO, HELLO_SECONDS = "Hello?", 1.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text for the voice."""

    text: str
    last: bool = False
    interruptible: bool = True
    preemptible: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """A text that the caller has interrupted: what was heard of it, and for how long."""

    heard: str
    milliseconds: int


class Voice:
    """The carrier's voice on one socket. ``played`` and ``speaking`` are called as it goes on."""

    def __init__(
        self, speed: float, played: Callable[[str], None], speaking: Callable[[bool], None]
    ) -> None:
        # Whole texts that were heard, or what was heard of them.
        self.lines = list[str]()
        self._pace = speed / CHARACTERS_PER_SECOND
        self._played = played
        self._speaking = speaking
        self._pieces = deque[Piece]()
        # Of the text that is being said.
        self._heard = ""
        self._began = 0.0
        self._interruptible = True
        # Changes whenever what waits was dropped.
        self._drops = 0
        self._closed = False
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="voice", daemon=True).start()

    @property
    def speaks(self) -> bool:
        return bool(self._heard or self._pieces)

    @property
    def is_heard(self) -> bool:
        """Whether words of the text in progress were heard."""
        return bool(self._heard)

    def give(self, piece: Piece) -> None:
        """Take a piece. A whole text before it gives way, if it is preemptible."""
        with self._changed:
            waits = [each for each in self._pieces if each.last and each.preemptible]
            if waits:
                self._drop()
            self._pieces += _by_word(piece)
            self._changed.notify_all()

    def cut(self) -> Cut | None:
        """Say no more; None if there is nothing that may be interrupted."""
        with self._changed:
            if not self._heard or not self._interruptible:
                return None
            found = Cut(self._heard.strip(), round((time.monotonic() - self._began) * 1000))
            self._drop()
        self._speaking(False)
        return found

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until this is so, the socket is closed, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: done() or self._closed, seconds)
            return done()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _drop(self) -> None:
        self._drops += 1
        self._pieces.clear()
        if self._heard:
            self._line()

    def _line(self) -> None:
        self.lines.append(self._heard.strip())
        self._heard = ""
        self._changed.notify_all()

    def _run(self) -> None:
        while (piece := self._next()) is not None:
            self._say(piece)

    def _next(self) -> Piece | None:
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._closed)
            return None if self._closed else self._pieces[0]

    def _say(self, piece: Piece) -> None:
        if piece.text and not self._heard:
            self._began = time.monotonic()
            self._speaking(True)
        with self._changed:
            drops = self._drops
            self._interruptible = piece.interruptible
            self._changed.wait_for(
                lambda: self._drops != drops or self._closed, len(piece.text) * self._pace
            )
            if self._drops != drops or self._closed:
                return
            self._pieces.popleft()
            self._heard += piece.text
            over = piece.last and bool(self._heard)
            if over:
                self._line()
            self._changed.notify_all()
        if piece.text:
            self._played(piece.text)
        if over:
            self._speaking(False)


def _by_word(piece: Piece) -> list[Piece]:
    """The piece word by word: an interruption may be between any two."""
    words = re.findall(r"\S+\s*|\s+", piece.text) or [""]
    cut = [replace(piece, text=word, last=False) for word in words]
    return [*cut[:-1], replace(cut[-1], last=piece.last)]


class TextSocket(MediaSocket):
    """One media socket with text, opened by the carrier. Carriers add their messages."""

    def __init__(self, url: str, headers: Mapping[str, str], speed: float) -> None:
        super().__init__(url, headers, speed)
        self.voice = Voice(speed, self._was_played, self.told_speaking)
        # Keys that the bridge has played to the leg.
        self.keys = ""

    # -- the carrier's protocol

    @abstractmethod
    def told_played(self, text: str) -> None:
        """Tell the bridge that this was said."""

    @abstractmethod
    def told_speaking(self, speaking: bool) -> None:
        """Tell the bridge that the voice begins, or is over."""

    @abstractmethod
    def told_cut(self, cut: Cut) -> None:
        """Tell the bridge that the caller has interrupted the voice."""

    @abstractmethod
    def told_words(self, words: str) -> None:
        """Tell the bridge what the caller has said."""

    # -- the same for every carrier

    def say(self, words: str) -> None:
        """Let the caller say this, over the voice if it speaks."""
        if (cut := self.voice.cut()) is not None:
            self.told_cut(cut)
        self.told_words(words)

    def talk(self, frames: int) -> None:
        """Say hello to an assistant that says nothing, as one does that goes on with a call."""
        if not self.voice.wait(
            lambda: self.voice.is_heard or bool(self.voice.lines), HELLO_SECONDS
        ):
            self.say(HELLO)

    def frame(self, pcm: bytes) -> None:
        """Nothing: the bridge gets no audio."""

    def _read(self, ws: ClientConnection) -> None:
        super()._read(ws)
        self.voice.close()

    def _was_played(self, text: str) -> None:
        self.playout.sound(len(text) / CHARACTERS_PER_SECOND)
        self.told_played(text)

    def _mark_played(self, mark: Any) -> None:
        """No marks are sent."""
