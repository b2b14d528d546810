""""""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from providers.base.instructions import Connect, MachineDetection
from providers.base.webhook import HookKind, Leg
from providers.common.json_types import JsonObject
from providers.events import CallEvent


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a carrier, with its secrets in clear: kept in memory only, never printed.

    ``ref`` is what the carrier's requests name: AccountSid, api_key.
    ``secrets`` holds the carrier's own field names (``providers/<carrier>/config.py``).
    """

    ref: str
    secrets: JsonObject = field(repr=False)
    id: str | None = None
    """Our credential's id."""
    api_url: str | None = None
    """Overrides the carrier's API address (tests, simulators, proxies)."""


@dataclass(frozen=True, slots=True)
class OutboundCall:
    """A call we place ourselves."""

    to: str
    from_: str
    connect: Connect
    status_url: str
    max_duration: int
    """Seconds until the carrier itself ends the call."""
    extension: str | None = None
    """Keys pressed once the phone is answered: ``0-9 * #`` and the carrier's own letter for a pause."""
    ring_seconds: int = 60
    machine: MachineDetection | None = None


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """The carrier accepted it."""

    call_ref: str
    leg_ref: str


@dataclass(frozen=True, slots=True)
class LegState:
    """What the carrier's API says of a leg now, as the events its callbacks would have been.

    ``word`` is the carrier's own. Keys of the events begin with ``reconciled:``: however often
    the API is asked, the same news is one event.
    """

    leg: Leg
    word: str
    events: tuple[CallEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberSetting:
    """One thing the carrier was told about a number, in the words of its own console."""

    name: str
    value: str | None
    kind: HookKind | None = None
    """Which of our URLs it is meant for; None where it is no URL."""
    problem: str | None = None
    """What is wrong with it wherever it leads, and what to change."""


@dataclass(frozen=True, slots=True)
class SignedProbe:
    """A POST as the carrier would sign it, about a leg that nobody knows: it changes nothing."""

    headers: Mapping[str, str]
    body: bytes


class CarrierClient(Protocol):
    """The carrier's REST API for one account. Blocking; every call has a timeout; creates are never re-sent.

    All raise ``CarrierError`` or ``NotConfigured``.
    """

    def prepare(self, order: OutboundCall) -> None:
        """Raise what ``dial`` would raise without asking the carrier: nothing is sent."""
        ...

    def dial(self, order: OutboundCall) -> PlacedCall:
        """Create the call. ``CarrierError.permanent``: refused, nothing rings; else it may ring."""
        ...

    def hang_up(self, leg_ref: str, *, api_url: str | None = None) -> None:
        """End one leg. ``CarrierError.gone`` when it is over already."""
        ...

    def fetch(self, leg_ref: str, *, api_url: str | None = None) -> LegState | None:
        """What the carrier knows of a leg; None when it knows no such leg, or no longer."""
        ...

    def can_record(self) -> bool:
        """Whether the account has what recordings take. Nothing is sent."""
        ...

    def start_recording(
        self, leg_ref: str, report_url: str, *, api_url: str | None = None
    ) -> str | None:
        """Record the leg from now on, both sides apart; the recording's ref, where it is told one.

        None where the recording began with the markup (``Connect.recording_url``).
        """
        ...

    def stop_recording(self, leg_ref: str, ref: str, *, api_url: str | None = None) -> None:
        """End it before the leg does. ``CarrierError.gone`` when it is over already."""
        ...

    def save_recording(
        self, ref: str, url: str, file: BinaryIO, *, limit: int, api_url: str | None = None
    ) -> None:
        """Write a recording's WAV into ``file``, at most ``limit`` bytes of it.

        ``CarrierError.permanent``: it is larger, or lies where our credentials must not go.
        """
        ...

    def check(self) -> str:
        """Ask the API who we are: one line for ``patchbay doctor``."""
        ...

    def number(self, number: str) -> Sequence[NumberSetting]:
        """How an E.164 number is set up. ``CarrierError.gone`` when the account has no such number."""
        ...
