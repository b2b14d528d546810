"""Gladia's live transcription. https://docs.gladia.io/api-reference/v2/live/init"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipecat.services.gladia.config import (
    CustomVocabularyConfig,
    LanguageConfig,
    MessagesConfig,
    PreProcessingConfig,
    RealtimeProcessingConfig,
)
from pipecat.services.gladia.stt import GladiaSTTService

from app.net.httpx_client import make_client
from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.connect_timeout import CONNECT_SECONDS, ConnectTimeout
from app.vendors.common.errors import (
    MAX_ERROR_TEXT,
    TRANSCRIBER,
    UnbuildableAssistant,
    as_http,
)
from app.vendors.common.pinned_sockets import PinnedSockets
from app.vendors.common.settings_map import read
from app.vendors.common.vendor import Config
from app.vendors.gladia import FIELDS, REST
from providers.common.json_types import JsonObject

PATH = "/v2/live"
MODEL = "solaria-1"
# Vapi's older names are those of Gladia's first version; the live API has one model now.
MODELS = {"fast": MODEL, "accurate": MODEL}
# By ``languageBehaviour``: whether the language may change within a call.
SWITCHING = {
    "manual": False,
    "automatic single language": False,
    "automatic multiple languages": True,
}


class SessionRefused(Exception):
    """Gladia gives no session. The text says why."""


class Gladia(ConnectTimeout, PinnedSockets, GladiaSTTService):
    """pipecat's service with a connect timeout.

    Gladia's answer names the socket's address, which is checked like its own.
    """

    async def _setup_gladia(self, settings: dict[str, Any]) -> JsonObject:
        """Ask for a session by ``app.net``. pipecat's own request follows redirects."""
        async with make_client(
            CONNECT_SECONDS, self.addresses, retries=False, proxies=False
        ) as client:
            answer = await client.post(
                self._url,
                headers={"X-Gladia-Key": self._api_key},
                json=settings,
                params={"region": self._region} if self._region else {},
            )
        session = answer.json() if answer.is_success else None
        if not isinstance(session, dict) or not isinstance(session.get("url"), str):
            text = f"Gladia gives no session: HTTP {answer.status_code}: {answer.text}"
            raise SessionRefused(text[:MAX_ERROR_TEXT])
        return {"id": None, **session}


def make(config: Config, account: VendorAccount, sample_rate: int, addresses: Addresses) -> Gladia:
    """Build the service. Raises ``UnbuildableAssistant``."""
    settings = read(TRANSCRIBER, config, FIELDS, model=MODEL)
    settings["model"] = MODELS.get(settings["model"], settings["model"])
    rest = read(TRANSCRIBER, config, REST, partials=True, vocabulary=False)
    made = Gladia(
        api_key=account.key or "",
        url=as_http(account.url or "") + PATH,
        region=rest.get("region"),
        sample_rate=sample_rate,
        settings=Gladia.Settings(
            **settings,
            language_config=_languages(rest),
            pre_processing=PreProcessingConfig(
                audio_enhancer=rest.get("audio_enhancer"),
                speech_threshold=rest.get("speech_threshold"),
            ),
            messages_config=MessagesConfig(receive_partial_transcripts=rest["partials"]),
            realtime_processing=_vocabulary(rest, config.get("customVocabularyConfig")),
        ),
    )
    made.addresses = account.rule(addresses)
    return made


def _languages(rest: JsonObject) -> LanguageConfig | None:
    """The languages; None: Gladia detects them."""
    languages = list(rest.get("languages") or [])
    if "language" in rest:
        languages.insert(0, rest["language"])
    switching = SWITCHING.get(rest.get("behaviour", ""))
    if switching is None and not languages:
        return None
    return LanguageConfig(languages=languages, code_switching=bool(switching))


def _vocabulary(rest: JsonObject, custom: object) -> RealtimeProcessingConfig | None:
    """The words to expect: ``transcriptionHint``'s, and the custom vocabulary if it is enabled."""
    words: list[Any] = [word.strip() for word in rest.get("hint", "").split(",") if word.strip()]
    intensity = None
    if rest["vocabulary"] and isinstance(custom, Mapping):
        words += custom.get("vocabulary") or []
        intensity = custom.get("defaultIntensity")
    if not words:
        return None
    try:
        config = CustomVocabularyConfig(vocabulary=words, default_intensity=intensity)
    except ValueError as error:
        text = "transcriber.customVocabularyConfig is not valid."
        raise UnbuildableAssistant(TRANSCRIBER, "gladia", text) from error
    return RealtimeProcessingConfig(custom_vocabulary=True, custom_vocabulary_config=config)
