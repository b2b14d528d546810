"""The simulated carriers of a bench, and how each plays what all can play."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.twilio import simulator as twilio
from providers.twilio.simulator import scenarios as twilio_scenarios
from providers.vonage import simulator as vonage
from providers.vonage.simulator import scenarios as vonage_scenarios

TIMEOUT = 60.0
"""Seconds until what is expected of the bridge counts as missing."""
CARRIERS: Mapping[str, tuple[Any, Any]] = {
    "twilio": (twilio, twilio_scenarios.PLAYS),
    "vonage": (vonage, vonage_scenarios.PLAYS),
}
"""The simulator's package, and its ``Plays``."""


def ignore(line: str) -> None:
    """A bench prints no timeline."""
