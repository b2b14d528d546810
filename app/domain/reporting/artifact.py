"""``artifact`` of a Call, Vapi's current form. The legacy fields stand beside it. Pure.

https://docs.vapi.ai/api-reference/calls/get (artifact)
"""

from __future__ import annotations

from collections.abc import Iterable

from providers.common.json_types import JsonDict, JsonObject

SUPERVISOR = "supervisor"
"""Role of a person who spoke to the caller from outside: our own, which no model knows."""
ROLES = {"user": "user", "bot": "assistant", "system": "system", SUPERVISOR: "system"}
"""Role in ``messages`` -> OpenAI's role. The other roles are of tools, and are left out."""
KEPT = (
    "messages",
    "transcript",
    "recordingUrl",
    "stereoRecordingUrl",
    "customerRecordingUrl",
    "assistantRecordingUrl",
)
"""Fields of a Call that ``artifact`` repeats."""
MONO = {
    "combinedUrl": "recordingUrl",
    "customerUrl": "customerRecordingUrl",
    "assistantUrl": "assistantRecordingUrl",
}
"""Field of ``recording.mono`` -> the Call's."""
UPSTREAM = "upstream"
"""The call at Vapi that was this call's assistant (``upstream.py``)."""
ONLY_HERE = (
    "structuredOutputs",
    "skippedStructuredOutputs",
    "structuredOutputsLastUpdatedAt",
    "variableValues",
    "performanceMetrics",
    "transfers",
    "assistantActivations",
    UPSTREAM,
)
"""Fields of ``artifact`` alone, that ``calls.body`` stores under the same names."""


def openai(messages: Iterable[JsonObject]) -> list[dict[str, str]]:
    """``messagesOpenAIFormatted``."""
    return [spoken(each) for each in messages if each["role"] in ROLES]


def spoken(message: JsonObject) -> dict[str, str]:
    """A message of one of ``ROLES``, in OpenAI's form."""
    text = str(message["message"])
    if message["role"] == SUPERVISOR:
        text = f"The supervisor said to the caller: {text}"
    return {"role": ROLES[message["role"]], "content": text}


def artifact(call: JsonObject, body: JsonObject) -> JsonDict:
    """The artifact, from those of the Call's other fields that are present, and of ``body``."""
    found = {name: call[name] for name in KEPT if name in call}
    found |= {name: body[name] for name in ONLY_HERE if name in body}
    if "messages" in found:
        found["messagesOpenAIFormatted"] = openai(found["messages"])
    if recording := _recording(call):
        found["recording"] = recording
    return found


def _recording(call: JsonObject) -> JsonDict:
    stereo = call.get("stereoRecordingUrl")
    mono = {name: call[field] for name, field in MONO.items() if field in call}
    return {
        **({"stereoUrl": stereo} if stereo else {}),
        **({"mono": mono} if mono else {}),
    }
