"""xAI: models, transcribers and voices. Vapi's page has no ended reason of theirs. https://docs.x.ai"""

from __future__ import annotations

import re

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import SttPart, TtsPart, Vendor
from app.vendors.openai import MAX_TOKENS_FIELD, chat_part

VOICE_FIELDS = of_kinds(voiceId=str, language=str, speed=float)
TRANSCRIBER_FIELDS = of_kinds(language=str)
ADDRESS = "https://api.x.ai/v1"

VENDOR = Vendor(
    name="xai",
    env_prefix="XAI",
    llm=chat_part(
        ADDRESS,
        reasoning=re.compile(r"grok-(3-mini|4(?!.*non-reasoning))"),
        max_tokens_field=MAX_TOKENS_FIELD,
    ),
    stt=SttPart(make=f"{__name__}.stt:make", fields=TRANSCRIBER_FIELDS, address=ADDRESS),
    tts=TtsPart(make=f"{__name__}.tts:make", fields=VOICE_FIELDS),
)
