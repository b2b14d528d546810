""""""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipecat.services.cartesia.tts import CartesiaTTSService

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Config
from app.vendors.common.tts_part import Custom, _ws
from app.vendors.common.tts_websocket import _ReportsVendorErrors

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService


CARTESIA_URL, CARTESIA_MODEL = "wss://api.cartesia.ai", "sonic-3"


def _cartesia(config: Config, account: VendorAccount, sample_rate: int, _: Custom) -> TTSService:
    from pipecat.services.cartesia.tts import GenerationConfig

    from app.vendors.cartesia.tts import CartesiaVoice

    how = config.get("generationConfig") or {}
    wished = {name: how[name] for name in ("speed", "volume", "emotion") if how.get(name)}
    return CartesiaVoice(
        api_key=account.key or "",
        url=f"{_ws(account.url, CARTESIA_URL)}/tts/websocket",
        sample_rate=sample_rate,
        reconnect_on_error=False,
        settings=CartesiaVoice.Settings(
            voice=config["voiceId"],
            model=config.get("model") or CARTESIA_MODEL,
            language=config.get("language"),
            generation_config=GenerationConfig(**wished) if wished else None,
            pronunciation_dict_id=config.get("pronunciationDictId"),
        ),
    )


class CartesiaVoice(_ReportsVendorErrors, CartesiaTTSService):
    """https://docs.cartesia.ai/api-reference/tts/websocket"""

    def refusal(self, message: Mapping[str, Any]) -> str | None:
        if message.get("type") != "error":
            return None
        return str(message.get("message") or message.get("error") or message)

    async def _receive_messages(self) -> None:
        """Once: the engine would connect again by itself, also amid a sentence."""
        await self._process_messages()  # type: ignore[no-untyped-call]  # untyped there
