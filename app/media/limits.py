"""Every bound of a media socket, in one table. No buffer grows with what the other side sends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one socket, unless a row says otherwise.

    Names end in ``seconds`` where the unit is seconds.
    """

    start_seconds: float = 5.0
    """From the accepted handshake to the carrier's start."""
    inbound_seconds: float = 5.0
    """The caller's audio kept for a slow assistant; the oldest is dropped."""
    loading_seconds: float = 30.0
    """The caller's audio kept until the assistant has caught up with the call's begin. A process
    that has just started takes seconds to load it.
    """
    inbound_others: int = 1000
    """Digits, marks and unknown messages kept for it. They are never dropped, so too many close the
    socket.
    """
    messages_per_second: float = 200.0
    """Sustained rate. Carriers send 50 audio messages a second and few others."""
    burst_seconds: float = 5.0
    """How much of that rate may come at once: a stalled network delivers a burst when it recovers.
    """
    ahead_seconds: float = 50.0
    """Audio sent and not played yet. Carriers buffer about 60 s."""
    stall_seconds: float = 10.0
    """How long the carrier may leave one message of ours unread."""
    drain_seconds: float = 20.0
    """At our own end: the longest wait until the last words are played, plus ``grace_seconds``."""
    grace_seconds: float = 2.0
    """What an assistant has to finish once the carrier has gone, and what a last mark may be late.
    """
    watch_seconds: float = 0.5
    """The pause between two queries for calls that have ended by another cause."""


class TooManyMessages(Exception):
    """The other side sends more messages than any carrier does."""


class FloodGuard:
    """A leaky bucket of messages."""

    def __init__(self, limits: Limits) -> None:
        self._rate = limits.messages_per_second
        self._depth = self._rate * limits.burst_seconds
        self._level = 0.0
        self._at = 0.0

    def count(self, now: float) -> None:
        """Count one message at ``now`` (monotonic seconds). Raises ``TooManyMessages``."""
        self._level = max(0.0, self._level - (now - self._at) * self._rate) + 1
        self._at = now
        if self._level > self._depth:
            raise TooManyMessages("too many messages")
