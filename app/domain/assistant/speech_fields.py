"""What becomes of an assistant's fields with a model that hears and speaks by itself. Pure.

It takes the place of transcriber, model and voice, so most fields of the other two have no effect.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.assistant.fields import Json, object_of, text_of
from app.domain.assistant.served_fields import SERVED, Row, ignored
from app.vendors.common.vendor import SpeechPart

HEARS = ignored("the model hears by itself")
SPEAKS = ignored("the model speaks by itself")
ALONE = ignored("no other model takes the place of one that speaks")
NO_WORDS = ignored("the model ends no turn by its words: they come later")
NOT_TAKEN = ignored("not used with a model that speaks")
OF_ALL = frozenset({"provider", "voiceId"})
ROWS: Mapping[str, Row] = {
    "model.fallbackModels": ALONE,
    "model.maxTokens": NOT_TAKEN,
    "model.reasoningEffort": NOT_TAKEN,
    "model.temperature": NOT_TAKEN,
    "startSpeakingPlan.customEndpointingRules": NO_WORDS,
    "startSpeakingPlan.transcriptionEndpointingPlan": NO_WORDS,
    "stopSpeakingPlan.acknowledgementPhrases": NO_WORDS,
    "stopSpeakingPlan.interruptionPhrases": NO_WORDS,
    "stopSpeakingPlan.numWords": NO_WORDS,
}
SMART = "startSpeakingPlan.smartEndpointingPlan"
BY_SERVER = "custom-endpointing-model"


def row_of(part: SpeechPart, assistant: Json, path: str) -> Row | None:
    """The row of a field, by its path without the numbers of lists; None: as with any model."""
    stage, _, name = path.partition(".")
    if stage == "transcriber":
        return SERVED if name in part.transcriber_fields else HEARS
    if stage == "voice":
        return _of_voice(part, name)
    if stage == "model" and name.partition(".")[0] in part.model_fields:
        return SERVED
    if path.startswith(SMART) and _asks_server(assistant):
        return NO_WORDS
    return next((row for field, row in ROWS.items() if f"{path}.".startswith(f"{field}.")), None)


def _of_voice(part: SpeechPart, name: str) -> Row:
    return SERVED if name in OF_ALL or name in part.fields else SPEAKS


def _asks_server(assistant: Json) -> bool:
    plan = object_of(object_of(assistant, "startSpeakingPlan"), "smartEndpointingPlan")
    return text_of(plan, "provider") == BY_SERVER
