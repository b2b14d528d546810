"""Polly's voices, over its REST API. https://docs.aws.amazon.com/polly/latest/dg/API_SynthesizeSpeech.html"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from app.vendors.aws.signature import Signer
from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Ask, Request, rate_of
from app.vendors.common.tts_http import HttpVoice, http_voice
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict

# Of its ``pcm``.
RATES = (8000, 16_000)
# Vapi's ``model`` is its engine.
ENGINE = "neural"
# For an address of one's own, which may lie in no region.
REGION = "us-east-1"


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    ask = ask_for(config, account, sample_rate)
    return http_voice(ask, config, account, sample_rate, custom)


def ask_for(config: Config, account: VendorAccount, sample_rate: int) -> Ask:
    """The request for each sentence, signed when it is made."""
    region = account.extra.get("region") or REGION
    base = account.url or f"https://polly.{region}.amazonaws.com"
    url, rate = f"{base.rstrip('/')}/v1/speech", rate_of(RATES, sample_rate)
    key_id = account.extra.get("awsAccessKeyId", "")
    signer = Signer(key_id, account.key or "", region, "polly")
    spoken: JsonDict = {
        "OutputFormat": "pcm",
        "SampleRate": str(rate),
        "VoiceId": config["voiceId"],
        "Engine": config.get("model") or ENGINE,
    }
    if config.get("language"):
        spoken["LanguageCode"] = config["language"]

    def ask(text: str) -> Request:
        body = json.dumps({**spoken, "Text": text}).encode()
        headers = {"Content-Type": "application/json"}
        signed = signer.signed("POST", url, headers, body, datetime.now(UTC))
        return Request(url, body, rate, signed)

    return ask
