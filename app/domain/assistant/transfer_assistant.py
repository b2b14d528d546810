"""The assistant that talks with the operator of a warm transfer: ``transferPlan.transferAssistant``.

It has the fields that Vapi's schema ``TransferAssistant`` has. What it leaves out is that of the
assistant which transfers the call. Pure. https://docs.vapi.ai/calls/assistant-based-warm-transfer
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.assistant import history, talk_fields
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from app.domain.assistant.history import History
from providers.common.json_types import JsonDict, JsonObject

NAME, MAX_NAME = "transfer-assistant", 40
"""Its default name, and what a name may have here. Vapi takes 100 characters of this one."""
PROMPT = (
    "A caller is on hold, and you are on the phone with the person who may take the call. "
    "Find out whether this person can talk with the caller now. "
    "Call transferSuccessful once the person agrees. "
    "Call transferCancel if the person cannot or does not want to, or if no person answers. "
    "Say why the caller calls, and answer questions about the transfer. "
    "Talk about nothing else, and be brief."
)
"""Its system message, unless the first of its messages is one."""
OWN = (
    "voice",
    "transcriber",
    "firstMessage",
    "firstMessageMode",
    "backgroundSound",
    "backgroundSpeechDenoisingPlan",
    "startSpeakingPlan",
)
"""Its fields that are used as they are."""
INHERITED = (
    "voice",
    "transcriber",
    "startSpeakingPlan",
    "stopSpeakingPlan",
    "backgroundSpeechDenoisingPlan",
    "compliancePlan",
    "hipaaEnabled",
    "credentials",
    "credentialIds",
    "variableValues",
    "server",
    "serverUrl",
    "serverUrlSecret",
)
"""Fields that it has from the assistant which transfers the call."""
OF_TALK = ("messages", "systemPrompt", "tools", "toolIds", "functions", "knowledgeBase", "menu")
"""Fields of a model that belong to the assistant which has it."""
NO_MENU = "model.menu is missing: no key would connect the caller"
SPEAKERS: Mapping[object, str] = {"user": "Caller", "bot": "Assistant", "supervisor": "Supervisor"}


@dataclass(frozen=True, slots=True)
class Talk:
    """What was said on the call, and what the assistant that transfers it knows of that."""

    messages: Sequence[JsonObject]
    history: History


def effective(caller: AssistantConfig, given: Json) -> AssistantConfig:
    """It, with what it has from the caller's assistant. Its templates are as they are."""
    made = {name: caller.json[name] for name in INHERITED if name in caller.json}
    made |= {name: given[name] for name in OWN if given.get(name) not in (None, "", {})}
    if not caller.conversation.has_transcript:  # of the call, which this talk is a part of
        made["artifactPlan"] = {"transcriptPlan": {"enabled": False}}
    return AssistantConfig(
        {
            **made,
            "name": (text_of(given, "name") or NAME)[:MAX_NAME],
            "model": _model(caller, object_of(given, "model")),
            "silenceTimeoutSeconds": talk_fields.silence_seconds(given),
            "transport": {"provider": "local"},
            "serverMessages": [],
            "clientMessages": [],
        }
    )


def informed(assistant: AssistantConfig, talk: Talk, plan: Json, briefing: str) -> AssistantConfig:
    """It, once its templates are rendered, with what it knows of the call.

    ``plan``: ``contextEngineeringPlan``. ``briefing``: what it has to tell the operator.
    """
    known = "\n".join(_lines(talk, plan))
    added = [f"Tell the person this: {briefing}"] if briefing else []
    added += [f"What was said on the call so far:\n{known}"] if known else []
    if not added or assistant.is_menu:
        return assistant
    model = object_of(assistant.json, "model")
    first, *others = objects_of(model, "messages")
    prompt = "\n\n".join([text_of(first, "content"), *added])
    messages = [{**first, "content": prompt}, *others]
    return AssistantConfig({**assistant.json, "model": {**model, "messages": messages}})


def menu_problem(made: AssistantConfig) -> str | None:
    """Why an embedded menu cannot decide with the operator; None if it can, or is a model."""
    return NO_MENU if made.is_menu and not object_of(made.model, "menu") else None


def _model(caller: AssistantConfig, own: Json) -> JsonDict:
    """Its model: the caller's assistant's, where it names none."""
    lent = {name: value for name, value in caller.model.items() if name not in OF_TALK}
    model: JsonDict = {**({} if text_of(own, "provider") else lent), **own}
    messages = objects_of(own, "messages")
    if not messages or messages[0].get("role") != "system":
        prompt = text_of(own, "systemPrompt") or PROMPT
        messages = [{"role": "system", "content": prompt}, *messages]
    return {**model, "messages": messages}


def _lines(talk: Talk, plan: Json) -> Iterator[str]:
    """What it knows of the conversation, a line for each message."""
    way = plan or {"type": history.Way.ALL.value}
    destination = {"contextEngineeringPlan": way}
    kept = history.following(talk.history, talk.messages, destination).kept
    for place in kept:
        if line := _line(talk.messages[place]):
            yield line


def _line(message: JsonObject) -> str:
    role, text = message.get("role"), message.get("message")
    if role in SPEAKERS and text:
        return f"{SPEAKERS[role]}: {text}"
    if role == history.SYSTEM and text:
        return f"Note: {text}"
    if role == "tool_call_result" and message.get("result"):
        return f"Result of {message.get('name')}: {message['result']}"
    return ""
