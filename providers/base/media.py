"""Messages of a media socket, and the interface of a carrier's serializer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from providers.common.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class StreamStart:
    """The first message on the media socket. A ref is None when the carrier sends none."""

    stream_ref: str | None
    call_ref: str | None
    account_ref: str | None
    sample_rate: int
    parameters: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audio:
    """The caller's audio: signed 16-bit little-endian mono PCM at the stream's sample rate."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Digit:
    """One key pressed: ``0-9 * #`` (``A-D`` from odd phones)."""

    digit: str


@dataclass(frozen=True, slots=True)
class MarkPlayed:
    """All audio sent before the mark of this name was played or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The carrier dropped the audio that it had not played."""


@dataclass(frozen=True, slots=True)
class StreamStop:
    """The carrier reports that the stream is over."""


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """A message of an unknown type; ``word`` is its name for the log."""

    word: str


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """A control message of the customer's own program, such as ``{"type": "say"}``. Not checked."""

    body: JsonObject


@dataclass(frozen=True, slots=True)
class Heard:
    """The caller's words, as the carrier's own recogniser has them."""

    text: str
    final: bool = True
    """The caller has finished; else more of the sentence may come."""
    language: str = ""


@dataclass(frozen=True, slots=True)
class SpokenOver:
    """The caller has interrupted the carrier's voice, which says no more of what it was given."""

    heard: str
    """The words until then."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """The carrier's voice has said this part of what it was given."""

    text: str


@dataclass(frozen=True, slots=True)
class VoiceSpeaks:
    """The carrier's voice begins to speak, or is over with what it was given."""

    on: bool


@dataclass(frozen=True, slots=True)
class CallerSpeaks:
    """The caller makes a sound, of which the words follow."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """The carrier could not do what it was told. ``text`` is its own sentence."""

    text: str


Frame = (
    StreamStart
    | Audio
    | Digit
    | MarkPlayed
    | Cleared
    | StreamStop
    | ClientMessage
    | Heard
    | SpokenOver
    | Spoken
    | VoiceSpeaks
    | CallerSpeaks
    | Complaint
    | UnknownFrame
)


class MediaSerializer(Protocol):
    """The serializer of one media socket. Each socket has its own, which keeps the stream's id.

    ``decode`` raises ``BadRequest`` for a message that the carrier cannot have sent.
    The encoders return the messages to send, in order: ``str`` for text, ``bytes`` for binary.
    """

    sample_rate: int

    def decode(self, message: str | bytes) -> Frame: ...

    def audio(self, pcm: bytes) -> list[str | bytes]:
        """Encode PCM at ``sample_rate``. The rest of an exact frame waits for the next call."""
        ...

    def flush(self) -> list[str | bytes]:
        """Encode the rest that ``audio`` kept, padded with silence."""
        ...

    def mark(self, name: str) -> list[str | bytes]: ...

    def clear(self) -> list[str | bytes]: ...


class NoAudio:
    """The encoders of a serializer whose socket gets no audio: there is nothing to send."""

    def audio(self, pcm: bytes) -> list[str | bytes]:
        return []

    def flush(self) -> list[str | bytes]:
        return []

    def mark(self, name: str) -> list[str | bytes]:
        return []

    def clear(self) -> list[str | bytes]:
        return []


class TextSerializer(MediaSerializer, Protocol):
    """The serializer of a socket with text instead of audio, because the carrier hears and speaks.

    It inherits ``NoAudio``.
    """

    def text(self, token: str, *, last: bool, interruptible: bool) -> list[str | bytes]:
        """Give the voice a piece of a text. ``last``: the text is whole with it."""
        ...

    def press(self, keys: str) -> list[str | bytes]:
        """Play these keys to the leg: ``0-9 * #``, and ``w`` for half a second."""
        ...

    def goodbye(self) -> list[str | bytes]:
        """End the session, so that the carrier asks for the next document."""
        ...
