"""The Studio flow that is handed out: every state can be reached, and every transition leads somewhere.

https://www.twilio.com/docs/studio/flow-definition
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from jsonschema import Draft202012Validator

from providers.base.webhook import HookKind
from providers.events import EndedReason
from providers.testing.contract import ORIGIN
from providers.twilio import studio, webhooks
from tests.providers.twilio.case import ACCOUNT_SID, FLOW_SID, load

ASSISTANT = "70bfc30f-1234-4a5b-8c6d-0e1f2a3b4c5d"
PERSON = "+14155550188"
FLOW = studio.flow(ORIGIN, ASSISTANT, PERSON)
STATES = {state["name"]: state for state in FLOW["states"]}
FAILURE = re.compile(
    "error|failed|not-(found|invalid|provided|exceeded)|no-|join-timed-out|shutdown|disconnected|rejected"
    "|closed-websocket|invalid|quota|microphone"
)

EVENTS = {
    # type of widget: the events it has, all of which Studio wants listed
    "trigger": {
        "incomingMessage",
        "incomingCall",
        "incomingConversationMessage",
        "incomingRequest",
        "incomingParent",
    },
    "add-twiml-redirect": {"return", "timeout", "fail"},  # fail, not failed
    "split-based-on": {"match", "noMatch"},
    "say-play": {"audioComplete"},
    "connect-call-to": {"callCompleted", "hangup"},
}
PROPERTIES: dict[str, dict[str, Any]] = {
    # type of widget: what Studio's validator asks of its properties; offset is everywhere
    "trigger": {},
    "add-twiml-redirect": {
        "url": {"type": "string", "pattern": "^https://"},
        "method": {"enum": ["GET", "POST"]},
        "timeout": {"type": "string", "pattern": "^[0-9]{1,5}$"},  # a text, up to 14400
    },
    "split-based-on": {"input": {"type": "string"}},
    "say-play": {"say": {"type": "string"}, "loop": {"type": "integer"}},
    "connect-call-to": {
        "noun": {"enum": ["number", "client", "sip", "conference"]},
        "to": {"type": "string"},
        "caller_id": {"type": "string"},
        "timeout": {"type": "integer"},  # a number, unlike the redirect's
        "record": {"type": "boolean"},
    },
}


def transitions() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in STATES.items():
        for transition in state["transitions"]:
            yield name, transition


def next_of(state: str, event: str) -> str | None:
    (found,) = (each for each in STATES[state]["transitions"] if each["event"] == event)
    name: str | None = found.get("next")
    return name


def test_the_flow_can_be_imported() -> None:
    assert json.loads(json.dumps(FLOW)) == FLOW
    assert FLOW["initial_state"] == "Trigger"
    assert len(STATES) == len(FLOW["states"]), "two states of one name"
    # Without it a stuck execution blocks every later call of that number.
    assert FLOW["flags"] == {"allow_concurrent_calls": True}


@pytest.mark.parametrize("name", STATES)
def test_a_widget_is_as_studio_wants_it(name: str) -> None:
    state = STATES[name]
    assert set(state) == {"name", "type", "properties", "transitions"}
    assert {each["event"] for each in state["transitions"]} == EVENTS[state["type"]]
    offset = {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}}}
    wanted = {"offset": offset, **PROPERTIES[state["type"]]}
    schema = {
        "type": "object",
        "properties": wanted,
        "required": list(wanted),
        "additionalProperties": False,
    }
    assert [
        error.message for error in Draft202012Validator(schema).iter_errors(state["properties"])
    ] == []


def test_every_transition_leads_to_a_state() -> None:
    assert {each["next"] for _, each in transitions() if "next" in each} <= set(STATES)


def test_every_state_can_be_reached_and_every_way_ends() -> None:
    reached, waiting = set(), [FLOW["initial_state"]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [each["next"] for each in STATES[name]["transitions"] if "next" in each]
    assert reached == set(STATES)
    # There is no widget that hangs up: an event without a next does.
    assert {name for name, each in transitions() if "next" not in each} >= {"goodbye", "person"}


def test_no_two_widgets_lie_on_one_another() -> None:
    places = [tuple(state["properties"]["offset"].values()) for state in STATES.values()]
    assert len(set(places)) == len(places)


def test_a_call_is_lent_and_what_goes_wrong_is_said() -> None:
    assert next_of("Trigger", "incomingCall") == "assistant"
    assert next_of("assistant", "return") == "outcome"
    assert next_of("assistant", "fail") == "sorry"
    assert next_of("assistant", "timeout") is None  # Studio cannot get the call back any more
    assert next_of("outcome", "noMatch") == "sorry"


@pytest.mark.parametrize("base", [ORIGIN, f"{ORIGIN}/"])
def test_the_redirect_asks_us_for_the_assistant(base: str) -> None:
    flow = studio.flow(base, "a 1&b")
    url = flow["states"][1]["properties"]["url"]
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == (
        "https",
        "patchbay.example",
        "/twilio/inbound_call",
    )
    assert dict(parse_qsl(parts.query)) == {"assistantId": "a 1&b", "flow": "{{flow.flow_sid}}"}


def test_the_redirect_is_one_that_we_can_read() -> None:
    """``flow.flow_sid`` is the flow's id; ``flow.sid`` would be this execution's."""
    url = STATES["assistant"]["properties"]["url"]
    query = urlsplit(url).query.replace("{{flow.flow_sid}}", FLOW_SID)
    visit = webhooks.parse(HookKind.ARRIVE, load("inbound_studio", query=query)).visit
    assert visit is not None
    assert visit.assistant_id == "70bfc30f-1234-4a5b-8c6d-0e1f2a3b4c5d"
    assert visit.return_url == (
        f"https://webhooks.twilio.com/v1/Accounts/{ACCOUNT_SID}/Flows/{FLOW_SID}?FlowEvent=return"
    )


def test_the_outcome_branches_on_words_that_we_say() -> None:
    split = STATES["outcome"]
    asked = split["properties"]["input"]
    assert asked == "{{widgets.assistant.vapiEndedReason}}"
    words: list[str] = []
    for transition in split["transitions"]:
        for condition in transition.get("conditions", ()):
            assert condition["arguments"] == [asked]
            assert condition["type"] in ("equal_to", "matches_any_of")
            assert condition["friendly_name"]
            words += condition["value"].split(",")
    assert set(words) <= {reason.value for reason in EndedReason}
    assert len(words) == len(set(words)), "a word leads two ways"
    assert words == [reason for each in studio.OUTCOMES for reason in each.reasons]


def heard(reason: EndedReason) -> str:
    """What the caller hears after the assistant; "" when the flow ends."""
    for transition in STATES["outcome"]["transitions"]:
        values = [each["value"].split(",") for each in transition.get("conditions", ())]
        if any(reason in each for each in values):
            name = transition.get("next")
            return STATES[name]["properties"]["say"] if name else ""
    return studio.CONNECTING


@pytest.mark.parametrize("reason", EndedReason)
def test_only_after_a_failure_the_assistant_is_not_available(reason: EndedReason) -> None:
    sentence = heard(reason)
    assert ("not available" in sentence) == bool(FAILURE.search(reason))
    assert (sentence == "") == (reason in studio.GONE.reasons)


def test_a_person_is_dialled_after_failures_only_and_only_if_there_is_one() -> None:
    assert [name for name, each in transitions() if each.get("next") == "person"] == ["sorry"]
    without = json.dumps(studio.flow(ORIGIN, ASSISTANT))
    assert "connect-call-to" not in without
    assert "+1" not in without


def test_the_only_liquid_is_what_studio_knows() -> None:
    """Studio fills it in unquoted: a number with ``+`` in a URL would be no URL."""
    found = set(re.findall(r"\{\{(.*?)\}\}", json.dumps(FLOW)))
    assert found == {
        "flow.flow_sid",
        "widgets.assistant.vapiEndedReason",
        "contact.channel.address",
    }
    urls = [state["properties"].get("url", "") for state in STATES.values()]
    assert not any("contact" in url for url in urls)
