"""What an assistant's words about voicemail mean: who listens, for what, and which verdict ends the call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assistant.voicemail import AFTER_GREETING, BOUNDS, MESSAGE_IS_LEFT, parse
from providers.base.instructions import MachineDetection
from providers.events import CallEvent, EndedReason, EventKind

CARRIER = {"provider": "twilio"}
PLAIN = MachineDetection(greeting=True)
START = {"voicemailDetectionTypes": ["machine_start"]}

POLICIES: list[tuple[dict[str, Any], MachineDetection | None]] = [
    # nothing said: off here, whatever Vapi's default was at the time
    ({}, None),
    # the first switch
    ({"voicemailDetectionEnabled": True}, PLAIN),
    ({"voicemailDetectionEnabled": False}, None),
    ({"voicemailDetectionEnabled": "true"}, None),  # a text is no yes
    # types alone do not switch it on
    (START, None),
    # a verdict at the machine's first word, or after its greeting
    ({"voicemailDetectionEnabled": True, **START}, MachineDetection(greeting=False)),
    ({"voicemailDetection": {**CARRIER, **START}}, MachineDetection(greeting=False)),
    # types nobody knows are none
    ({"voicemailDetection": {**CARRIER, "voicemailDetectionTypes": ["robot"]}}, PLAIN),
    ({"voicemailDetection": {**CARRIER, "voicemailDetectionTypes": "fax"}}, PLAIN),
    # July 2024, with its limits; those out of bounds would have the carrier refuse the call
    (
        {
            "voicemailDetection": {
                **CARRIER,
                "enabled": True,
                "machineDetectionTimeout": 12,
                "machineDetectionSpeechThreshold": 2000,
                "machineDetectionSpeechEndThreshold": 800,
                "machineDetectionSilenceTimeout": 99999,
            }
        },
        MachineDetection(True, timeout=12, speech_threshold=2000, speech_end_threshold=800),
    ),
    ({"voicemailDetection": {**CARRIER, "machineDetectionTimeout": True}}, PLAIN),
    ({"voicemailDetection": {**CARRIER, "enabled": False}}, None),
    # today's word for no, and the newer field wins over the older
    ({"voicemailDetection": "off"}, None),
    ({"voicemailDetection": "off", "voicemailDetectionEnabled": True}, None),
    ({"voicemailDetection": None, "voicemailDetectionEnabled": True}, PLAIN),
    # others listen in the assistant's own pipeline
    ({"voicemailDetection": {"provider": "openai"}}, None),
    ({"voicemailDetection": {"provider": "google"}}, None),
    ({"voicemailDetection": {"provider": "vapi"}}, None),
]


@pytest.mark.parametrize(("assistant", "expected"), POLICIES)
def test_policy(assistant: dict[str, Any], expected: MachineDetection | None) -> None:
    found = parse(assistant).policy
    assert (found and found.detection) == expected


def verdict(word: str, *, machine: bool) -> CallEvent:
    data = {"answeredBy": word, "machine": machine}
    return CallEvent(EventKind.MACHINE_DETECTED, datetime(2026, 1, 1, tzinfo=UTC), "m", data=data)


VERDICTS: list[tuple[list[str] | None, str, bool, bool]] = [
    # types, the carrier's word, whether that is a machine; whether the call ends
    (None, "machine_end_beep", True, True),
    (None, "machine_start", True, False),  # the greeting is not over
    (["machine_start"], "machine_start", True, True),
    (["machine_end_beep"], "machine_end_silence", True, False),
    (None, "fax", True, True),  # no type of the defaults, and still no person
    (None, "machine", True, True),  # of a carrier that tells no kinds of machine
    (["machine_start"], "machine", True, True),
    (None, "human", False, False),
    (["human"], "human", False, False),  # nobody is hung up on for being a person
    (None, "unknown", False, False),
    (["unknown"], "unknown", False, True),  # asked for by name
    (None, "a new word", False, False),
]


@pytest.mark.parametrize(("types", "word", "machine", "ends"), VERDICTS)
def test_verdicts(types: list[str] | None, word: str, machine: bool, ends: bool) -> None:
    assistant = {"voicemailDetection": {**CARRIER, "voicemailDetectionTypes": types}}
    found = parse(assistant).judged(verdict(word, machine=machine))
    assert found.reason == (EndedReason.VOICEMAIL if ends else None)


@pytest.mark.parametrize(
    ("message", "speaks", "left"),
    [("Call me.", True, True), ("Call me.", False, False), ("", True, False), (None, True, False)],
)
def test_a_machine_is_left_the_message(message: str | None, speaks: bool, left: bool) -> None:
    plan = parse({"voicemailDetectionEnabled": True, "voicemailMessage": message})
    found = plan.judged(verdict("machine_end_beep", machine=True), speaks=speaks)
    assert found.reason == (None if left else EndedReason.VOICEMAIL)
    assert bool(found.data.get(MESSAGE_IS_LEFT)) is left


def test_without_a_policy_a_machine_ends_nothing() -> None:
    """The owner's flow may listen for purposes of its own."""
    event = verdict("machine_start", machine=True)
    assert parse({}).judged(event) is event


def test_other_events_are_left_alone() -> None:
    event = CallEvent(EventKind.LEG_ANSWERED, datetime(2026, 1, 1, tzinfo=UTC), "a")
    assert parse({"voicemailDetectionEnabled": True}).judged(event) is event


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = ["provider", "enabled", "voicemailDetectionTypes", *BOUNDS]


@given(JSON | st.dictionaries(st.sampled_from(FIELDS), JSON), JSON, JSON)
def test_any_json_is_a_policy_or_none(plan: Any, switch: Any, types: Any) -> None:
    """Assistants are kept as they come, so anything may stand there."""
    found = parse(
        {
            "voicemailDetection": plan,
            "voicemailDetectionEnabled": switch,
            "voicemailDetectionTypes": types,
        }
    ).policy
    assert found is None or found.types
    for ours, least, most in BOUNDS.values():
        limit = getattr(found.detection, ours) if found else None
        assert limit is None or least <= limit <= most


def test_the_defaults_wait_for_the_greeting() -> None:
    found = parse({"voicemailDetectionEnabled": True}).policy
    assert found is not None
    assert found.types == frozenset(AFTER_GREETING)


def test_a_message_alone_is_kept() -> None:
    plan = parse({"voicemailMessage": "Call us back."})
    assert (plan.policy, plan.leaves_message, plan.message) == (None, True, "Call us back.")
