"""Every bound of a media socket, in one table. Nothing here grows with what the other side does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds where the name says seconds. One socket each, unless said otherwise."""

    start_seconds: float = 5.0
    """From the accepted handshake to the carrier's start."""
    inbound_seconds: float = 5.0
    """Caller's sound kept for an assistant that is slow; the oldest is dropped."""
    inbound_others: int = 1000
    """Keys, marks and unknown messages kept for it: never dropped, so too many end the socket."""
    messages_per_second: float = 200.0
    """Sustained; carriers send 50 and a few."""
    burst_seconds: float = 5.0
    """How much of that rate may come at once: what a stalled network delivers when it recovers."""
    ahead_seconds: float = 50.0
    """Sound sent but not played yet; carriers that buffer hold 60 s."""
    stall_seconds: float = 10.0
    """How long the carrier may leave one message of ours undrained."""
    drain_seconds: float = 20.0
    """At our own end: the longest wait for the last words to be played, and ``grace`` more."""
    grace_seconds: float = 2.0
    """What an assistant has to finish once the carrier has gone, and a last mark beyond its time."""
    watch_seconds: float = 0.5
    """How often the process asks which of its calls have ended by another cause."""


class TooManyMessages(Exception):
    """The other side sends more than any carrier does."""


class FloodGuard:
    """A leaky bucket of messages."""

    def __init__(self, limits: Limits) -> None:
        self._rate = limits.messages_per_second
        self._depth = self._rate * limits.burst_seconds
        self._level = 0.0
        self._at = 0.0

    def count(self, now: float) -> None:
        """One message at ``now`` (monotonic seconds). Raises ``TooManyMessages``."""
        self._level = max(0.0, self._level - (now - self._at) * self._rate) + 1
        self._at = now
        if self._level > self._depth:
            raise TooManyMessages("too many messages")
