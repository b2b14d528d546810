"""Google: Gemini's models, Cloud Text-to-Speech and Speech-to-Text. Vapi's page has no ended reason of theirs.

https://ai.google.dev/gemini-api/docs/openai
"""

from __future__ import annotations

import re

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import Extra, SpeechPart, SttPart, TtsPart, Vendor
from app.vendors.openai import chat_part

# The default of its voices and of its transcriber.
LANGUAGE = "en-US"
# How the names of its language models begin.
GEMINI = "gemini"
TRANSCRIBER_FIELDS = of_kinds(model=str, language=str)
VOICE_FIELDS = of_kinds(voiceId=str, language=str, speed=float)

# Those that think first, within the tokens of the answer. Only the first kind can leave it.
THINKING: tuple[Extra, ...] = (
    (re.compile(r"gemini-2\.5-flash"), {"reasoning_effort": "none"}),
    (re.compile(r"gemini-(2\.5|[3-9])"), {"reasoning_effort": "low"}),
)

# Models that hear and speak, and their voices. https://ai.google.dev/gemini-api/docs/live-api
LIVE = re.compile(r"gemini-.*(live|native-audio|realtime).*")
LIVE_VOICES = (
    *("Puck", "Charon", "Kore", "Fenrir", "Aoede", "Zephyr", "Leda", "Orus", "Callirrhoe"),
    *("Autonoe", "Enceladus", "Iapetus", "Umbriel", "Algieba", "Despina", "Erinome", "Algenib"),
    *("Rasalgethi", "Laomedeia", "Achernar", "Alnilam", "Schedar", "Gacrux", "Pulcherrima"),
    *("Achird", "Zubenelgenubi", "Vindemiatrix", "Sadachbia", "Sadaltager", "Sulafat"),
)

VENDOR = Vendor(
    name="google",
    env_prefix="GOOGLE",
    llm=chat_part(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        make=f"{__name__}.llm:Gemini",
        model="gemini-2.5-flash",
        reasoning=re.compile(r"gemini-(2\.5-pro|[3-9])"),
        extras=THINKING,
        user_first=True,
    ),
    stt=SttPart(
        make=f"{__name__}.stt:make",
        fields=TRANSCRIBER_FIELDS,
        address="https://speech.googleapis.com",
    ),
    tts=TtsPart(make=f"{__name__}.tts:make", fields=VOICE_FIELDS),
    speech=SpeechPart(
        make=f"{__name__}.live:make",
        models=LIVE,
        voices=LIVE_VOICES,
        fields=of_kinds(voiceId=str),
        model_fields=frozenset({"maxTokens", "realtimeConfig", "temperature"}),
        # Vapi's name is of a preview that Google has switched off.
        renamed={"gemini-2.0-flash-realtime-exp": "gemini-3.8-live"},
        voice_in_model=("realtimeConfig", "speechConfig", "voiceConfig", "prebuiltVoiceConfig"),
    ),
)
