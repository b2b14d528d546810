"""Deepgram's Flux models, which decide themselves when a turn ends. pipecat has their protocol.

A turn's text is final with its end, so turn detection waits for Flux.
https://developers.deepgram.com/docs/flux/quickstart
"""

from __future__ import annotations

from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService

from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import ConnectTimeout
from app.vendors.common.errors import TRANSCRIBER, as_websocket
from app.vendors.common.languages import languages
from app.vendors.common.pinned_sockets import PinnedSockets
from app.vendors.common.settings_map import read
from app.vendors.common.vendor import Config
from app.vendors.deepgram import FLUX_FIELDS

PATH = "/v2/listen"


class Flux(ConnectTimeout, PinnedSockets, DeepgramFluxSTTService):
    """The transcriber of one call."""

    # Its final text is the end of a turn (``CallServices.ends_turns``).
    ends_turns = True


def make(config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses) -> Flux:
    """Build the service. Raises ``UnbuildableAssistant``."""
    settings = read(TRANSCRIBER, config, FLUX_FIELDS)
    if "language_hints" in settings:
        settings["language_hints"] = languages("deepgram", "languages", settings["language_hints"])
    if "redact" in settings:
        settings["redact"] = ",".join(settings["redact"])
    made = Flux(
        api_key=account.key or "",
        url=as_websocket(account.url or "") + PATH,
        sample_rate=sample_rate,
        mip_opt_out=True if config.get("mipOptOut") is True else None,
        settings=Flux.Settings(**settings),
    )
    made.addresses = account.rule(addresses)
    return made
