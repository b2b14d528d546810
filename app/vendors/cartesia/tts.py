"""Cartesia's voices, over its websocket. https://docs.cartesia.ai/api-reference/tts/websocket"""

from __future__ import annotations

from collections.abc import Mapping

from pipecat.services.cartesia.tts import CartesiaTTSService, GenerationConfig

from app.vendors.common.account import VendorAccount
from app.vendors.common.tts_part import Custom, address_rule, websocket_address
from app.vendors.common.tts_websocket import ReportsVendorErrors
from app.vendors.common.vendor import Config

ADDRESS = "wss://api.cartesia.ai"
MODEL = "sonic-3"


class CartesiaVoice(ReportsVendorErrors, CartesiaTTSService):
    """The voice of one call."""

    def refusal(self, message: Mapping[str, object]) -> str | None:
        if message.get("type") != "error":
            return None
        return str(message.get("message") or message.get("error") or message)

    async def _receive_messages(self) -> None:
        """Read once. pipecat would reconnect by itself, even within a sentence."""
        await self._process_messages()  # type: ignore[no-untyped-call]  # untyped there


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> CartesiaVoice:
    how = config.get("generationConfig") or {}
    wished = {name: how[name] for name in ("speed", "volume", "emotion") if how.get(name)}
    made = CartesiaVoice(
        api_key=account.key or "",
        url=f"{websocket_address(account, ADDRESS)}/tts/websocket",
        sample_rate=sample_rate,
        reconnect_on_error=False,
        settings=CartesiaVoice.Settings(
            voice=config["voiceId"],
            model=config.get("model") or MODEL,
            language=config.get("language"),
            generation_config=GenerationConfig(**wished) if wished else None,
            pronunciation_dict_id=config.get("pronunciationDictId"),
        ),
    )
    made.addresses = address_rule(account, custom)
    return made
