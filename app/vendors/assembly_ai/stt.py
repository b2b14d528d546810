"""AssemblyAI's streaming transcription.

``realtimeUrl`` is ignored: the operator's key would be sent to an address of the assistant's
choice. https://www.assemblyai.com/docs/api-reference/streaming-api/streaming-api
"""

from __future__ import annotations

from pipecat.services.assemblyai.stt import AssemblyAISTTService, is_u3_pro_model
from pipecat.utils.errors import ErrorCategory

from app.net.types import Addresses
from app.vendors.assembly_ai import FIELDS, U3_FIELDS
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import ConnectTimeout
from app.vendors.common.errors import TRANSCRIBER, as_websocket
from app.vendors.common.languages import languages
from app.vendors.common.pinned_sockets import PinnedSockets
from app.vendors.common.settings_map import read
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict

PATH = "/v3/ws"
# Vapi's default.
MODEL = "universal-streaming-english"
MULTILINGUAL = "universal-streaming-multilingual"

UNAUTHORIZED = 1008
TOO_MANY = 3009
# By the code of an ``Error`` message, which is also that of the following close.
# https://www.assemblyai.com/docs/streaming/common-session-errors-and-closures
CATEGORIES = {
    UNAUTHORIZED: ErrorCategory.AUTHORIZATION,  # no or a bad key, no money left
    TOO_MANY: ErrorCategory.RATE_LIMIT,  # sessions at once
}


class AssemblyAI(ConnectTimeout, PinnedSockets, AssemblyAISTTService):
    """Reports AssemblyAI's ``Error`` message, which pipecat's own service ignores."""

    async def _handle_message(self, message: JsonDict) -> None:
        if message.get("type") != "Error":
            await super()._handle_message(message)
            return
        code, text = message.get("error_code"), message.get("error")
        category = CATEGORIES.get(code) if isinstance(code, int) else None
        await self.push_error(f"AssemblyAI: {text} ({code})", category=category)


def make(
    config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses
) -> AssemblyAI:
    """Build the service. Raises ``UnbuildableAssistant``."""
    multi = config.get("language") == "multi"
    settings = read(TRANSCRIBER, config, FIELDS, model=MULTILINGUAL if multi else MODEL)
    if is_u3_pro_model(settings["model"]):
        settings |= read(TRANSCRIBER, config, U3_FIELDS)
    elif multi:
        settings["language_detection"] = True
    if "language_codes" in settings:
        settings["language_codes"] = languages(
            "assembly-ai", "languageCodes", settings["language_codes"]
        )
    made = AssemblyAI(
        api_key=account.key or "",
        api_endpoint_base_url=as_websocket(account.url or "") + PATH,
        sample_rate=sample_rate,
        settings=AssemblyAI.Settings(**settings),
    )
    made.addresses = account.rule(addresses)
    return made
