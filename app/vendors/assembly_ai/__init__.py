"""AssemblyAI: transcribers. Vapi has no ended reason of their own for them."""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors.common.address import ORIGIN
from app.vendors.common.field import Field
from app.vendors.common.vendor import SttPart, Vendor

# Of the fields for the end of a turn, the one that pipecat leaves to us.
FIELDS: Mapping[str, Field] = {
    "speechModel": Field("model", str),
    "formatTurns": Field("format_turns", bool),
    "minEndOfTurnSilenceWhenConfident": Field("min_turn_silence", int),
    "wordBoost": Field("keyterms_prompt", list),
    "keytermsPrompt": Field("keyterms_prompt", list),
}

# Only the Universal-3 models have them, as at Vapi.
U3_FIELDS: Mapping[str, Field] = {
    "mode": Field("mode", str),
    "prompt": Field("prompt", str),
    "agentContext": Field("agent_context", str),
    "languageCodes": Field("language_codes", list),
}

VENDOR = Vendor(
    name="assembly-ai",
    aliases=("assemblyai",),
    env_prefix="ASSEMBLYAI",
    form=ORIGIN,
    stt=SttPart(
        make=f"{__name__}.stt:make",
        fields={**FIELDS, **U3_FIELDS},
        address="wss://streaming.assemblyai.com",
    ),
)
