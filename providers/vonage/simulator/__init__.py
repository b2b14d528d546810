"""Vonage, played against a running bridge: its webhooks, media sockets and Voice API, and the owner.

``run`` plays one of ``SCENARIOS``; ``serve_api`` is the Voice API alone. Nothing here talks to
Vonage, and what a document sends to the owner's application is only written down.
https://developer.vonage.com/en/voice/voice-api/concepts/call-flow
"""

from __future__ import annotations

from collections.abc import Callable

from providers.simulation.script import Turn, When
from providers.simulation.stage import Result, expecting, named, play
from providers.vonage.simulator.config import VonageConfig, config_from_environment
from providers.vonage.simulator.rest_api import serve_api
from providers.vonage.simulator.scenarios import SCENARIOS

__all__ = [
    "DEMO",
    "DEMO_ENVIRONMENT",
    "DEMO_TURNS",
    "SCENARIOS",
    "VonageConfig",
    "config_from_environment",
    "run",
    "serve_api",
]

DEMO = "conversation"
"""The scenario `make demo` plays."""
DEMO_TURNS = (Turn(keys="2", when=When.OVER), Turn(keys="#"))
"""Its caller interrupts the greeting."""
DEMO_ENVIRONMENT = {
    "VONAGE_API_KEY": "demo1234",
    "VONAGE_SIGNATURE_SECRET": "the demo's signature secret, long enough",
    "VONAGE_PHONE_NUMBER": "15550100002",
}
"""The bridge's settings for an account that exists only here."""


def run(name: str, config: VonageConfig, out: Callable[[str], object] = print) -> Result:
    """Play one scenario against the bridge. Raises ``SimulatorError`` for a name nobody knows."""
    scenario = expecting(named(SCENARIOS, name), config)
    with serve_api(config, config.api_port, out=out) as stage:
        return play(scenario, stage)
