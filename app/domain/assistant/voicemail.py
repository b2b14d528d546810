"""An assistant's answering machine detection: the carrier's options, and the verdicts that count.

Pure. Detection is off unless the assistant asks for it. A verdict for the owner's flow does not
end the call. Three spellings are read, the newest first. In the current spelling a provider
chooses the detector: the carrier, or the assistant's own pipeline.
https://docs.vapi.ai/calls/voicemail-detection
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.domain.assistant.fields import Json, list_of, object_of, text_of
from providers.base.instructions import MachineDetection
from providers.common.json_types import JsonDict
from providers.events import CallEvent, EndedReason, EventKind

LISTENERS = frozenset({"google", "openai", "vapi"})
"""Detectors of the assistant's pipeline. Any other provider means the carrier."""
AFTER_GREETING = ("machine_end_beep", "machine_end_silence", "machine_end_other")
"""The default types: verdicts that the carrier sends after the machine's greeting."""
TYPES = frozenset({*AFTER_GREETING, "machine_start", "human", "fax", "unknown"})
"""The verdicts a policy can name. A carrier's other words cannot be chosen or excluded."""
MESSAGE_IS_LEFT = "messageIsLeft"
"""Marks, in a verdict's data, that the assistant leaves its message next."""
NEVER = frozenset({"human"})
"""Verdicts that never end a call: the callee may be a person."""

BOUNDS = {
    # Vapi's field: (ours, least, most); seconds, then milliseconds
    "machineDetectionTimeout": ("timeout", 3, 59),
    "machineDetectionSpeechThreshold": ("speech_threshold", 1000, 6000),
    "machineDetectionSpeechEndThreshold": ("speech_end_threshold", 500, 5000),
    "machineDetectionSilenceTimeout": ("silence_timeout", 2000, 10000),
}
"""A value out of bounds counts as absent: the carrier would refuse the whole call for it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The carrier's detection options, and the verdicts that end the call."""

    detection: MachineDetection
    types: frozenset[str]

    def stops(self, event: CallEvent) -> bool:
        """Whether this verdict ends the call. A fax counts as a machine with any types."""
        word = event.data.get("answeredBy")
        if word in self.types:
            return word not in NEVER
        return bool(event.data.get("machine")) and (word == "fax" or word not in TYPES)


@dataclass(frozen=True, slots=True)
class VoicemailPlan:
    """The assistant's plan for answering machines."""

    policy: Policy | None
    """The carrier's detection options; None: the carrier does not detect."""
    is_heard_in_pipeline: bool
    """The assistant's own pipeline detects the machine."""
    leaves_message: bool
    message: str
    """``voicemailMessage``, its templates unfilled."""

    def judged(self, event: CallEvent, *, speaks: bool = False) -> CallEvent:
        """The event, with an ended reason when it is a verdict that ends the call.

        ``speaks``: the assistant takes the command to leave its message. The assistant ends the
        call afterwards, so the verdict is marked and has no reason.
        """
        if event.kind is not EventKind.MACHINE_DETECTED:
            return event
        if self.policy is None or not self.policy.stops(event):
            return event
        if speaks and self.leaves_message:
            return event._replace(data={**event.data, MESSAGE_IS_LEFT: True})
        return event._replace(reason=EndedReason.VOICEMAIL)


NO_PLAN = VoicemailPlan(None, is_heard_in_pipeline=False, leaves_message=False, message="")
FIELDS = frozenset({"voicemailDetection", "voicemailDetectionEnabled", "voicemailMessage"})
"""Without any of these fields an assistant has no plan."""


def parse(assistant: Json) -> VoicemailPlan:
    """The plan of an assistant whose overrides are applied."""
    if FIELDS.isdisjoint(assistant):
        return NO_PLAN
    return VoicemailPlan(
        policy=_policy(assistant),
        is_heard_in_pipeline=_is_heard_in_pipeline(assistant),
        leaves_message=bool(assistant.get("voicemailMessage")),
        message=text_of(assistant, "voicemailMessage"),
    )


def _policy(assistant: Json) -> Policy | None:
    plan = _plan_of_carrier(assistant)
    if plan is None:
        return None
    holder = plan if plan.get("voicemailDetectionTypes") else assistant
    named = map(str, list_of(holder, "voicemailDetectionTypes"))
    types = TYPES.intersection(named) or frozenset(AFTER_GREETING)
    detection = MachineDetection(greeting="machine_start" not in types)
    return Policy(replace(detection, **_limits(plan)), types)


def _plan_of_carrier(assistant: Json) -> Json | None:
    plan = assistant.get("voicemailDetection")
    if plan is None:  # only the older switch
        return {} if assistant.get("voicemailDetectionEnabled") is True else None
    if not isinstance(plan, Mapping) or str(plan.get("provider")) in LISTENERS:
        return None
    return plan if plan.get("enabled") is not False else None


def _is_heard_in_pipeline(assistant: Json) -> bool:
    plan = object_of(assistant, "voicemailDetection")
    return plan.get("enabled") is not False and str(plan.get("provider")) in LISTENERS


def _limits(plan: Json) -> JsonDict:
    return {
        ours: value
        for theirs, (ours, least, most) in BOUNDS.items()
        if type(value := plan.get(theirs)) is int and least <= value <= most
    }
