"""What an assistant wants done about answering machines: ask the carrier to listen, and judge.

Pure. Off unless the assistant asks for it: a machine that is detected for somebody else ends
nothing. Three spellings are read, the newest first; of the current one only the form in which the
carrier listens means something here, the others listen in the assistant's own pipeline.
https://docs.vapi.ai/calls/voicemail-detection
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from providers.base.instructions import MachineDetection
from providers.events import CallEvent, EndedReason, EventKind

LISTENERS = frozenset({"google", "openai", "vapi"})
"""Detectors of the assistant's pipeline; any other provider of a policy is the carrier."""
AFTER_GREETING = ("machine_end_beep", "machine_end_silence", "machine_end_other")
"""The default types: verdicts that come when the machine's greeting is over."""
TYPES = frozenset({*AFTER_GREETING, "machine_start", "human", "fax", "unknown"})
"""The words a policy can name. A carrier's word that is none of them cannot be chosen or left out."""
MESSAGE_IS_LEFT = "messageIsLeft"
"""Marks, in a verdict's data, that the assistant goes on to leave its message."""
NEVER = frozenset({"human"})
"""Whatever a policy names, nobody is hung up on for being a person."""

BOUNDS = {
    # Vapi's field: (ours, least, most); seconds, then milliseconds
    "machineDetectionTimeout": ("timeout", 3, 59),
    "machineDetectionSpeechThreshold": ("speech_threshold", 1000, 6000),
    "machineDetectionSpeechEndThreshold": ("speech_end_threshold", 500, 5000),
    "machineDetectionSilenceTimeout": ("silence_timeout", 2000, 10000),
}
"""Out of bounds counts as not given: the carrier would refuse the whole call for it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How the carrier is to listen, and on which of its verdicts the call ends."""

    detection: MachineDetection
    types: frozenset[str]

    def stops(self, event: CallEvent) -> bool:
        """Whether this verdict ends the call. A fax is a machine whatever the types are."""
        word = event.data.get("answeredBy")
        if word in self.types:
            return word not in NEVER
        return bool(event.data.get("machine")) and (word == "fax" or word not in TYPES)


def policy(assistant: Mapping[str, Any]) -> Policy | None:
    """The policy of an assistant whose overrides are applied; None: nobody is to listen."""
    plan = _plan(assistant)
    if plan is None:
        return None
    given = plan.get("voicemailDetectionTypes") or assistant.get("voicemailDetectionTypes")
    named = given if isinstance(given, list) else []
    types = frozenset(str(word) for word in named) & TYPES or frozenset(AFTER_GREETING)
    detection = MachineDetection(greeting="machine_start" not in types)
    return Policy(replace(detection, **_limits(plan)), types)


def heard_in_the_pipeline(assistant: Mapping[str, Any]) -> bool:
    """The assistant itself is to notice that it talks to a machine."""
    plan = assistant.get("voicemailDetection")
    if not isinstance(plan, Mapping) or plan.get("enabled") is False:
        return False
    return str(plan.get("provider")) in LISTENERS


def judged(event: CallEvent, assistant: Mapping[str, Any], *, speaks: bool = False) -> CallEvent:
    """The event, with its reason when it is a verdict on which the policy is to stop.

    ``speaks``: the assistant can be told to leave its ``voicemailMessage``, if it has one. It ends
    the call itself then, so the verdict is marked and has no reason.
    """
    if event.kind is not EventKind.MACHINE_DETECTED:
        return event
    found = policy(assistant)
    if found is None or not found.stops(event):
        return event
    if speaks and assistant.get("voicemailMessage"):
        return replace(event, data={**event.data, MESSAGE_IS_LEFT: True})
    return replace(event, reason=EndedReason.VOICEMAIL)


def _plan(assistant: Mapping[str, Any]) -> Mapping[str, Any] | None:
    plan = assistant.get("voicemailDetection")
    if plan is None:  # the older switch alone
        return {} if assistant.get("voicemailDetectionEnabled") is True else None
    carrier = isinstance(plan, Mapping) and str(plan.get("provider")) not in LISTENERS
    return plan if carrier and plan.get("enabled") is not False else None


def _limits(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {
        ours: plan[theirs]
        for theirs, (ours, least, most) in BOUNDS.items()
        if type(plan.get(theirs)) is int and least <= plan[theirs] <= most
    }
