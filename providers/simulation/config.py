"""What a simulator is told: the bridge, its key, and the parties to play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from providers.common.json_types import JsonDict
from providers.simulation.script import MENU, Turn
from providers.simulation.timeline import SimulatorError

# Two devices of a telephone system: one calls, the other is transferred to.
SIP_HOST = "pbx.example"
SIP_CALLER, SIP_DESTINATION = f"sip:alice@{SIP_HOST}", f"sip:desk@{SIP_HOST}"


@dataclass(frozen=True, kw_only=True)
class SimulatorConfig:
    """Where the bridge is, and which parties to play. Each carrier adds its account.

    ``number`` and ``customer`` are E.164. ``speed`` scales every pause: 1 is real time, 0 none.
    ``timeout``: seconds until an expected event counts as missing.
    """

    bridge_url: str
    api_key: str = field(repr=False)
    number: str
    customer: str = "+14155550123"
    destination: str = "+14155550188"
    """Where calls are transferred to. Its country must be allowed at the bridge."""
    assistant_id: str | None = None
    """None: the scenario's own assistant, which is created once."""
    return_url: str
    """Where the owner's flow takes a leg back."""
    speed: float = 1.0
    timeout: float = 15.0
    seed: int = 1
    api_port: int = 0
    """Port of the carrier's REST API; 0 takes a free one."""
    turns: Sequence[Turn] = MENU
    """The caller's turns in a conversation."""
    record: Path | None = None
    """Where a conversation is written: a WAV file, caller left and assistant right."""
    ends: str | None = None
    """The ``endedReason`` of a conversation, if it differs from its scenario's."""
    either_ends: bool = False
    """Either side may end the conversation: its ``turns`` are not the scenario's."""
    upstream_url: str = ""
    """The bridge's upstream: a second Patchbay, or empty."""
    upstream_key: str = field(default="", repr=False)
    model_port: int = 0
    """Port of the bridge's speech-to-speech model on this machine; 0: it is elsewhere."""


def setting(environ: Mapping[str, str], name: str, default: str | None = None) -> str:
    """One environment variable, or the file ``NAME_FILE`` names. Raises ``SimulatorError``."""
    value = environ.get(name, "").strip()
    if not value and (path := environ.get(f"{name}_FILE", "").strip()):
        try:
            value = Path(path).read_text().strip()
        except OSError as error:
            raise SimulatorError(f"{name}_FILE cannot be read: {error}") from error
    if not value and default is None:
        raise SimulatorError(f"{name} is not set: the simulator needs what the bridge was given")
    return value or default or ""


def common_settings(environ: Mapping[str, str]) -> JsonDict:
    """The part of a carrier's configuration that comes from the bridge's own variables."""
    port = setting(environ, "PORT", "8000")
    return {
        "bridge_url": setting(environ, "PUBLIC_URL", f"http://localhost:{port}").rstrip("/"),
        "api_key": setting(environ, "API_KEY"),
        "upstream_url": setting(environ, "VAPI_BASE_URL", "").rstrip("/"),
        "upstream_key": setting(environ, "VAPI_API_KEY", ""),
        "model_port": own_port(setting(environ, "OPENAI_BASE_URL", "")),
    }


def own_port(api_url: str) -> int:
    """The port of a carrier's API address on this machine; 0 for any other address."""
    parts = urlsplit(api_url)
    return (parts.port or 0) if parts.hostname in ("localhost", "127.0.0.1") else 0
