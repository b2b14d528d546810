"""The server that is asked, as the options describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from patchbay_conformance.http import moved

CARRIERS = ("twilio", "vonage")


@dataclass(frozen=True)
class Paths:
    """Where a carrier's own webhooks arrive; "" where the server has none."""

    arrival: str
    status: str


@dataclass(frozen=True)
class TwilioAccount:
    """An account and a number that the server knows. An empty ``auth_token``: register one."""

    account_sid: str = ""
    auth_token: str = field(default="", repr=False)
    number_id: str = ""


@dataclass(frozen=True)
class VonageAccount:
    """An account and a number that the server knows. An empty ``signature_secret``: register one."""

    api_key: str = ""
    signature_secret: str = field(default="", repr=False)
    application_id: str = ""
    number_id: str = ""


@dataclass(frozen=True)
class Target:
    """Times are in seconds; 0 of ``join_seconds`` and ``bypass_seconds``: not known."""

    url: str
    key: str = field(repr=False)
    public_url: str
    assistant: Mapping[str, Any]
    paths: Mapping[str, Paths]
    twilio: TwilioAccount = TwilioAccount()
    vonage: VonageAccount = VonageAccount()
    talking: Mapping[str, Any] | None = None
    """An assistant with voice and transcriber; its model is the kit's."""
    without: frozenset[str] = frozenset()
    is_silent: bool = False
    patience: float = 20.0
    join_seconds: float = 0.0
    bypass_seconds: float = 0.0
    transfer_to: str = "+14155550188"

    def reach(self, url: str) -> str:
        """Where a URL of the server's is reached from here."""
        return moved(url, self.public_url, self.url)
