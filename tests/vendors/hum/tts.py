"""Hum's voices: one HTTP request per sentence, answered with sound of the rate that was asked for."""

from __future__ import annotations

import json

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Request
from app.vendors.common.tts_http import HttpVoice
from app.vendors.common.tts_part import Custom, address_rule
from app.vendors.common.vendor import Config

ADDRESS = "https://api.hum.example"


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    url = f"{account.url or ADDRESS}/{config['voiceId']}"
    headers = {"X-Hum-Key": account.key or ""}

    def ask(text: str) -> Request:
        body = json.dumps({"text": text, "rate": sample_rate}).encode()
        return Request(url, body, sample_rate, headers)

    return HttpVoice(
        ask, sample_rate, voice=config["voiceId"], addresses=address_rule(account, custom)
    )
