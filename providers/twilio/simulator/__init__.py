"""Twilio, simulated against a running bridge: webhooks, media streams, REST API, and Studio.

``run`` plays one of ``SCENARIOS``; ``serve_api`` is the REST API alone. No request goes to Twilio.
A document's redirect to Studio is taken by the simulated Studio. https://www.twilio.com/docs/voice
"""

from __future__ import annotations

from collections.abc import Callable

from providers.simulation.scenario import Result, expecting, named, play
from providers.twilio.simulator.config import TwilioConfig, config_from_environment
from providers.twilio.simulator.rest_api import serve_api
from providers.twilio.simulator.scenarios import SCENARIOS, WAYS

__all__ = [
    "DEMO",
    "DEMO_ENVIRONMENT",
    "DEMO_TURNS",
    "SCENARIOS",
    "WAYS",
    "TwilioConfig",
    "config_from_environment",
    "own_account",
    "run",
    "serve_api",
]

# The scenario of `make demo`.
DEMO = "conversation"
# What the demo's caller does, as `--say` has it: hears everything to the end.
DEMO_TURNS = ("Please test the line.", "#")
# The bridge's settings for an account that exists only here.
DEMO_ENVIRONMENT = {
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000000",
    "TWILIO_AUTH_TOKEN": "the demo's auth token",
    "TWILIO_PHONE_NUMBER": "+15550100001",
}


def own_account() -> dict[str, str]:
    """The bridge's settings for an account that exists only here, and may dial."""
    return dict(DEMO_ENVIRONMENT)


def run(name: str, config: TwilioConfig, out: Callable[[str], object] = print) -> Result:
    """Play one scenario against the bridge. Raises ``SimulatorError`` for an unknown name."""
    scenario = expecting(named(SCENARIOS, name), config)
    with serve_api(config, config.api_port, out=out) as stage:
        return play(scenario, stage)
