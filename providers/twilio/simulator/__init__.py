"""Twilio, played against a running bridge: its webhooks, media streams, REST API, and Studio.

``run`` plays one of ``SCENARIOS``; ``serve_api`` is the REST API alone. Nothing here talks to
Twilio, and what a document sends to Studio is taken by the Studio that is played here.
https://www.twilio.com/docs/voice
"""

from __future__ import annotations

from collections.abc import Callable

from providers.simulation.script import Turn
from providers.simulation.stage import Result, expecting, named, play
from providers.twilio.simulator.config import TwilioConfig, config_from_environment
from providers.twilio.simulator.rest_api import serve_api
from providers.twilio.simulator.scenarios import SCENARIOS

__all__ = [
    "DEMO",
    "DEMO_ENVIRONMENT",
    "DEMO_TURNS",
    "SCENARIOS",
    "TwilioConfig",
    "config_from_environment",
    "run",
    "serve_api",
]

DEMO = "conversation"
"""The scenario `make demo` plays."""
DEMO_TURNS = (Turn(keys="2"), Turn(keys="#"))
"""Its caller hears everything to the end."""
DEMO_ENVIRONMENT = {
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000000",
    "TWILIO_AUTH_TOKEN": "the demo's auth token",
    "TWILIO_PHONE_NUMBER": "+15550100001",
}
"""The bridge's settings for an account that exists only here."""


def run(name: str, config: TwilioConfig, out: Callable[[str], object] = print) -> Result:
    """Play one scenario against the bridge. Raises ``SimulatorError`` for a name nobody knows."""
    scenario = expecting(named(SCENARIOS, name), config)
    with serve_api(config, config.api_port, out=out) as stage:
        return play(scenario, stage)
