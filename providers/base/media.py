""""""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from providers.common.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class StreamStart:
    """The carrier's first word on the media socket. Refs are None where the carrier tells none."""

    stream_ref: str | None
    call_ref: str | None
    account_ref: str | None
    sample_rate: int
    parameters: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audio:
    """Caller's sound: signed 16-bit little-endian mono PCM at the stream's sample rate."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Digit:
    """One key pressed: ``0-9 * #`` (``A-D`` from odd phones)."""

    digit: str


@dataclass(frozen=True, slots=True)
class MarkPlayed:
    """Everything sent before the mark of this name has been played, or was cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The carrier dropped what it had not played."""


@dataclass(frozen=True, slots=True)
class StreamStop:
    """The carrier says the stream is over."""


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """A message nobody here knows; ``word`` is its name for the log."""

    word: str


Frame = StreamStart | Audio | Digit | MarkPlayed | Cleared | StreamStop | UnknownFrame


class MediaSerializer(Protocol):
    """One media socket's translation; one object per socket, because it remembers the stream's id.

    ``decode`` raises ``BadRequest`` for what the carrier cannot have sent.
    The encoders return the messages to send, in order; text for ``str``, binary for ``bytes``.
    """

    sample_rate: int

    def decode(self, message: str | bytes) -> Frame: ...

    def audio(self, pcm: bytes) -> list[str | bytes]:
        """PCM at ``sample_rate``. Where the carrier wants exact frames the rest is kept for the next call."""
        ...

    def flush(self) -> list[str | bytes]:
        """What ``audio`` kept back, padded with silence."""
        ...

    def mark(self, name: str) -> list[str | bytes]: ...

    def clear(self) -> list[str | bytes]: ...
