"""The interface of a carrier's REST API, and its arguments and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol

from providers.base.instructions import Connect, MachineDetection
from providers.base.webhook import HookKind, Leg
from providers.common.json_types import JsonObject
from providers.events import CallEvent


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a carrier, with decrypted secrets: only in memory, never printed.

    ``ref`` is the id in the carrier's requests: AccountSid, api_key.
    ``secrets`` holds the carrier's own field names (``providers/<carrier>/config.py``).
    """

    ref: str
    secrets: JsonObject = field(repr=False)
    id: str | None = None
    """The id of our credential."""
    api_url: str | None = None
    """Replaces the carrier's API address (tests, simulators, proxies)."""


@dataclass(frozen=True, slots=True)
class OutboundCall:
    """An outbound call."""

    to: str
    from_: str
    connect: Connect
    status_url: str
    max_duration: int
    """Seconds until the carrier ends the call."""
    extension: str | None = None
    """Keys pressed after the answer: ``0-9 * #`` and the carrier's own letter for a pause."""
    ring_seconds: int = 60
    machine: MachineDetection | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which a create-call request may have reached the carrier."""

    after: datetime
    before: datetime


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """The carrier accepted the call."""

    call_ref: str
    leg_ref: str


@dataclass(frozen=True, slots=True)
class LegState:
    """A leg's state from the carrier's API, as the events of the missed callbacks.

    ``word`` is the carrier's own status. The events' keys begin with ``reconciled:``, so that
    repeated requests give one event for one state.
    """

    leg: Leg
    word: str
    events: tuple[CallEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberSetting:
    """One setting of a number at the carrier, in the words of the carrier's console."""

    name: str
    value: str | None
    kind: HookKind | None = None
    """The kind of our URL that belongs here; None if the setting is not a URL."""
    problem: str | None = None
    """The problem with the setting, independent of its URL, and the needed change."""


PROBE_AGENT = "patchbay-doctor"
"""The ``User-Agent`` of probes. It opens nothing: it only keeps the log from an alarm."""


@dataclass(frozen=True, slots=True)
class SignedProbe:
    """A POST signed as the carrier signs it. Its leg does not exist, so it changes nothing."""

    headers: Mapping[str, str]
    body: bytes


class CarrierClient(Protocol):
    """The carrier's REST API for one account. Every request has a timeout; no create is repeated.

    The methods block, and raise ``CarrierError`` or ``NotConfigured``.
    """

    def prepare(self, order: OutboundCall) -> None:
        """Raise the errors of ``dial`` that need no request. Sends nothing."""
        ...

    def dial(self, order: OutboundCall) -> PlacedCall:
        """Create the call. After a ``CarrierError`` without ``permanent`` the phone may ring."""
        ...

    def hang_up(self, leg_ref: str, *, api_url: str | None = None) -> None:
        """End one leg. ``CarrierError.gone``: the leg is already over."""
        ...

    def can_redirect(self) -> bool:
        """Whether the account has the credentials for ``redirect``. Sends nothing."""
        ...

    def redirect(self, leg_ref: str, url: str, *, api_url: str | None = None) -> None:
        """Let a leg that is up ask this URL of ours for its next document, at once.

        ``CarrierError.gone``: the leg is over.
        """
        ...

    def fetch(self, leg_ref: str, *, api_url: str | None = None) -> LegState | None:
        """The carrier's state of a leg; None when the carrier has no such leg."""
        ...

    def find_placed(self, to: str, from_: str, window: Window) -> Sequence[LegState]:
        """The legs that the API has created between these parties in this time.

        Both parties are written as in ``OutboundCall``. It raises ``CarrierError``, too, when there
        are more calls than it may look through.
        """
        ...

    def can_record(self) -> bool:
        """Whether the account has the credentials for recordings. Sends nothing."""
        ...

    def start_recording(
        self, leg_ref: str, report_url: str, *, api_url: str | None = None
    ) -> str | None:
        """Record the leg in two channels, and return the recording's ref, if the carrier sends one.

        None where the markup started the recording (``Connect.recording_url``).
        """
        ...

    def stop_recording(self, leg_ref: str, ref: str, *, api_url: str | None = None) -> None:
        """End a recording before its leg ends. ``CarrierError.gone``: it is already over."""
        ...

    def save_recording(
        self, ref: str, url: str, file: BinaryIO, *, limit: int, api_url: str | None = None
    ) -> None:
        """Write a recording's WAV into ``file``, at most ``limit`` bytes.

        ``CarrierError.permanent``: it is larger, or its host must not get our credentials.
        """
        ...

    def press_keys(self, leg_ref: str, keys: str, *, api_url: str | None = None) -> bool:
        """Play the tones of keys to the leg: ``0-9 * #``, and ``w`` for half a second.

        False: the API plays none, or not these, so that they have to be in the sound we send.
        """
        ...

    def send_text(self, to: str, from_: str, text: str) -> str:
        """Send a text message between two E.164 numbers, and return the carrier's id of it."""
        ...

    def check(self) -> str:
        """Ask the API for our account: one line for ``patchbay doctor``."""
        ...

    def number(self, number: str) -> Sequence[NumberSetting]:
        """The settings of an E.164 number. ``CarrierError.gone``: no such number."""
        ...
