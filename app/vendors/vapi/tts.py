"""A voice of Vapi's that no vendor was chosen for: the embedded one speaks."""

from __future__ import annotations

from app.vendors.common.account import VendorAccount
from app.vendors.common.similar_voice import Wish
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from app.vendors.embedded.similar import similar
from app.vendors.embedded.tts import EmbeddedVoice
from app.vendors.embedded.tts import make as make_embedded
from app.vendors.vapi import SOUNDS, UNKNOWN


def make(config: Config, account: VendorAccount, rate: int, custom: Custom) -> EmbeddedVoice:
    """Build it. ``choose`` of ``app/vendors/tts.py`` names the embedded voice itself."""
    sound = SOUNDS.get(str(config.get("voiceId") or "").lower(), UNKNOWN)
    wish = Wish(sound, config.get("language"), config.get("speed"))
    return make_embedded(similar(wish), account, rate, custom)
