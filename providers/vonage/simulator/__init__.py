"""Vonage, simulated against a running bridge: webhooks, media sockets and Voice API, and the owner.

``run`` plays one of ``SCENARIOS``; ``serve_api`` is the Voice API alone. No request goes to Vonage.
A document's requests to the owner's application are only written down.
https://developer.vonage.com/en/voice/voice-api/concepts/call-flow
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.simulation.scenario import Result, expecting, named, play
from providers.vonage.simulator.config import VonageConfig, config_from_environment
from providers.vonage.simulator.rest_api import serve_api
from providers.vonage.simulator.scenarios import SCENARIOS, WAYS

__all__ = [
    "DEMO",
    "DEMO_ENVIRONMENT",
    "DEMO_TURNS",
    "SCENARIOS",
    "WAYS",
    "VonageConfig",
    "config_from_environment",
    "own_account",
    "run",
    "serve_api",
]

# The scenario of `make demo`.
DEMO = "conversation"
# What the demo's caller does, as `--say` has it: interrupts the greeting.
DEMO_TURNS = ("+An explanation, please.", "#")
# The bridge's settings for an account that exists only here.
DEMO_ENVIRONMENT = {
    "VONAGE_API_KEY": "demo1234",
    "VONAGE_SIGNATURE_SECRET": "the demo's signature secret, long enough",
    "VONAGE_PHONE_NUMBER": "15550100002",
}


def own_account() -> dict[str, str]:
    """The bridge's settings for an account that exists only here, and may dial.

    Its application's private key is new each time.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, clear = serialization.Encoding.PEM, serialization.NoEncryption()
    written = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, clear).decode()
    application = {
        "VONAGE_APPLICATION_ID": VonageConfig.application_id,
        "VONAGE_PRIVATE_KEY": written,
    }
    return {**DEMO_ENVIRONMENT, **application}


def run(name: str, config: VonageConfig, out: Callable[[str], object] = print) -> Result:
    """Play one scenario against the bridge. Raises ``SimulatorError`` for an unknown name."""
    scenario = expecting(named(SCENARIOS, name), config)
    with serve_api(config, config.api_port, out=out) as stage:
        return play(scenario, stage)
