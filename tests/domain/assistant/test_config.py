"""An assistant's JSON as this program reads it: its defaults, its older names, and anything at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assistant.config import (
    DEFAULT_MESSAGES,
    EMBEDDED,
    NO_TRANSCRIBER,
    AssistantConfig,
    max_duration,
)
from app.settings import Settings

URL = "https://example.com/hook"


@pytest.mark.parametrize(
    ("assistant", "name", "value"),
    [
        ({}, "model", EMBEDDED),
        ({}, "transcriber", NO_TRANSCRIBER),
        ({"model": "gpt-4o"}, "is_menu", True),  # no object: as if absent
        ({"model": {"provider": "openai"}}, "is_menu", False),
        ({}, "server", None),
        ({}, "server_messages", DEFAULT_MESSAGES),
        ({"serverMessages": "hang"}, "server_messages", DEFAULT_MESSAGES),
        ({"serverMessages": []}, "server_messages", frozenset()),
        ({"serverMessages": ["hang", {}, 3]}, "server_messages", {"hang"}),
        ({}, "client_messages", None),
        ({"clientMessages": ["hang"]}, "client_messages", {"hang"}),
        ({"maxDurationSeconds": 60.0}, "max_duration_seconds", 60),
        ({"maxDurationSeconds": "soon"}, "max_duration_seconds", None),
        ({"maxDurationSeconds": 0}, "max_duration_seconds", None),
        ({"maxDurationSeconds": float("inf")}, "max_duration_seconds", None),
        ({"maxDurationSeconds": [60]}, "max_duration_seconds", None),
        ({}, "may_be_listened_to", True),
        ({"monitorPlan": {"listenEnabled": False}}, "may_be_listened_to", False),
        ({"monitorPlan": {"listenEnabled": None}}, "may_be_listened_to", True),
        ({"variableValues": ["x"]}, "variable_values", {}),
        ({"credentialIds": []}, "credential_ids", frozenset()),  # an empty list allows none
        ({"credentialIds": "all"}, "credential_ids", None),
        ({"credentials": [{"provider": "openai"}, "x"]}, "credentials", [{"provider": "openai"}]),
    ],
)
def test_field(assistant: dict[str, Any], name: str, value: Any) -> None:
    assert getattr(AssistantConfig(assistant), name) == value


@pytest.mark.parametrize(
    ("assistant", "url", "secret"),
    [
        ({"server": {"url": URL, "secret": "s"}}, URL, "s"),
        ({"serverUrl": URL, "serverUrlSecret": "s"}, URL, "s"),
        ({"server": {"url": URL}, "serverUrl": "https://older"}, URL, None),
        ({"server": "https://x", "serverUrl": URL}, URL, None),
    ],
)
def test_server(assistant: dict[str, Any], url: str, secret: str | None) -> None:
    server = AssistantConfig(assistant).server
    assert server is not None
    assert (server.url, server.secret) == (url, secret)


@pytest.mark.parametrize(
    ("transport", "backend", "url"),
    [
        (None, "echo", "wss://setting"),
        ({"provider": "local"}, "local", "wss://setting"),
        ({"provider": "stream", "url": "wss://own"}, "stream", "wss://own"),
        ({"provider": "twilio"}, "echo", "wss://setting"),  # no backend of ours: the setting's
        ({"provider": ["local"]}, "echo", "wss://setting"),
    ],
)
def test_transport(transport: Any, backend: str, url: str) -> None:
    settings = Settings(("k",), assistant_backend="echo", stream_url="wss://setting")
    found = AssistantConfig({"transport": transport}).transport
    assert (found.backend(settings), found.stream_url(settings)) == (backend, url)


@pytest.mark.parametrize(
    ("assistant", "asked_for", "forbidden"),
    [
        ({}, False, False),
        ({"recordingEnabled": True}, True, False),
        ({"recordingEnabled": False}, False, True),
        ({"recordingEnabled": "yes"}, False, False),  # a text is no yes
        ({"recordingEnabled": True, "artifactPlan": {"recordingEnabled": False}}, False, True),
        ({"recordingEnabled": False, "artifactPlan": {"recordingEnabled": True}}, True, False),
        ({"recordingEnabled": True, "hipaaEnabled": True}, True, True),
        ({"compliancePlan": {"hipaaEnabled": True}}, False, True),
    ],
)
def test_recording(assistant: dict[str, Any], asked_for: bool, forbidden: bool) -> None:
    plan = AssistantConfig(assistant).recording
    assert (plan.is_asked_for, plan.is_forbidden) == (asked_for, forbidden)


@pytest.mark.parametrize(
    ("listed", "wanted"), [(None, True), ("x", True), ([], False), (["hang"], True)]
)
def test_client_messages(listed: Any, wanted: bool) -> None:
    config = AssistantConfig({"clientMessages": listed})
    assert config.wants_client_message("hang") is wanted


def test_the_calls_own_limit_goes_before_the_assistants() -> None:
    config = AssistantConfig({"maxDurationSeconds": 60})
    assert max_duration({"maxDurationSeconds": 30}, config) == 30
    assert max_duration({"maxDurationSeconds": None}, config) == 60
    assert max_duration({}, AssistantConfig({})) == 600


def test_a_subject_is_parsed_once() -> None:
    config = AssistantConfig({"voicemailMessage": "Call me."})
    assert config.voicemail is config.voicemail
    assert config.analysis is config.analysis


SUBJECTS = [name for name in vars(AssistantConfig) if not name.startswith(("_", "wants"))]
NAMES = [
    "analysisPlan",
    "artifactPlan",
    "clientMessages",
    "compliancePlan",
    "credentialIds",
    "credentials",
    "endCallPhrases",
    "firstMessage",
    "firstMessageMode",
    "forwardingPhoneNumbers",
    "maxDurationSeconds",
    "messagePlan",
    "model",
    "monitorPlan",
    "numWordsToInterruptAssistant",
    "server",
    "serverMessages",
    "silenceTimeoutSeconds",
    "startSpeakingPlan",
    "stopSpeakingPlan",
    "summaryPrompt",
    "transport",
    "voicemailDetection",
]
INNER = [
    "idleMessages",
    "messages",
    "minMessagesThreshold",
    "numWords",
    "provider",
    "schema",
    "structuredDataPlan",
    "summaryPlan",
    "timeoutSeconds",
    "url",
    "waitSeconds",
]
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    LEAF | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_any_json_is_an_assistant(assistant: dict[str, Any]) -> None:
    """Assistants are kept as they come, and a webhook must not fail over one."""
    config = AssistantConfig(assistant)
    assert {name for name in SUBJECTS if hasattr(config, name)} == {*SUBJECTS}
    assert (
        config.analysis.questions_about({"messages": [{"role": "user"}, {"role": "bot"}]})
        is not None
    )
