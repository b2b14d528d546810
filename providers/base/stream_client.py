"""The carrier's end of a media stream, for the socket of a server that answers a carrier's calls.

Such a server, Vapi or another Patchbay, returns the document of a bypass call. A relay connects to
the stream in it, and is the carrier there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from providers.base.media import Audio, UnknownFrame
from providers.base.rest import Account
from providers.common.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class MarkAsked:
    """The server wants to know when all its audio before this mark is played, or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class ClearAsked:
    """The server drops the audio that is not played yet."""


ServerFrame: TypeAlias = Audio | MarkAsked | ClearAsked | UnknownFrame
"""What a server sends."""


class StreamClient(Protocol):
    """The carrier's side of one media socket: it encodes what a carrier sends.

    ``decode`` raises ``BadRequest`` for a message that the carrier would not accept.
    """

    sample_rate: int
    """Of the PCM of both directions, samples a second."""

    def opening(self) -> list[str | bytes]:
        """The messages before the first audio."""
        ...

    def audio(self, pcm: bytes) -> list[str | bytes]:
        """The caller's audio: whole samples of PCM."""
        ...

    def digit(self, digit: str) -> list[str | bytes]: ...

    def mark_played(self, name: str) -> list[str | bytes]: ...

    def stop(self) -> list[str | bytes]:
        """The messages at the end of the stream."""
        ...

    def decode(self, message: str | bytes) -> ServerFrame: ...


@dataclass(frozen=True, slots=True)
class ServersStream:
    """The stream in a server's document, and how the carrier opens it."""

    url: str = field(repr=False)
    """Often with a token."""
    headers: Mapping[str, str] = field(repr=False)
    """Of the handshake."""
    client: StreamClient


StreamOpener: TypeAlias = Callable[[JsonObject, Account | None, str], ServersStream | None]
"""Takes ``phoneCallProviderDetails``, the account that signs the handshake, and a name of the leg.

None: the details are another carrier's. Raises ``BadRequest`` for details without a stream.
"""
