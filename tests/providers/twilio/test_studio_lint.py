"""Each rule finds its own fault, put into a flow that has none, and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from providers.twilio import studio, studio_lint
from providers.twilio.studio_definition import NotAFlow, read
from tests.providers.twilio.test_studio import ASSISTANT, ORIGIN

BODY = {
    "phoneCallProviderBypassEnabled": True,
    "customer": {"number": "{{trigger.call.From}}"},
    "metadata": {"account": "{{widgets.ask.Digits}}"},
}


def sound() -> dict[str, Any]:
    """A flow of both recipes, without a fault: the second creates the call itself."""
    flow = copy.deepcopy(studio.flow(ORIGIN, ASSISTANT))
    of(flow, "sorry")["transitions"][0]["next"] = "create"
    url = f"{ORIGIN}/twilio/calls/{{{{widgets.create.parsed.id}}}}/twiml?flow={{{{flow.flow_sid}}}}"
    again = copy.deepcopy(of(flow, "assistant"))
    again["name"], again["properties"]["url"] = "again", url
    again["transitions"] = exits(**{"return": "goodbye", "fail": "goodbye"})
    request = {
        "method": "POST",
        "url": f"{ORIGIN.replace('://', '://flow:KEY@')}/call",
        "content_type": "application/json;charset=utf-8",
        "body": json.dumps(BODY),
    }
    create = {"name": "create", "type": "make-http-request", "properties": request}
    create["transitions"] = exits(success="again", failed="goodbye")
    flow["states"] += [create, again]
    return flow


def exits(**to: str) -> list[dict[str, Any]]:
    return [{"event": event, "next": name} for event, name in to.items()]


def of(flow: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in flow["states"] if each["name"] == name)
    return found


Fault = Callable[[dict[str, Any]], object]


def unwired(widget: str, event: str) -> Fault:
    def change(flow: dict[str, Any]) -> None:
        for each in of(flow, widget)["transitions"]:
            if each["event"] == event:
                each.pop("next", None)

    return change


def wired(widget: str, event: str, to: str) -> Fault:
    def change(flow: dict[str, Any]) -> None:
        for each in of(flow, widget)["transitions"]:
            if each["event"] == event:
                each["next"] = to

    return change


def given(widget: str, name: str, value: str) -> Fault:
    return lambda flow: of(flow, widget)["properties"].update({name: value})


def replaced(widget: str, name: str, old: str, new: str) -> Fault:
    def change(flow: dict[str, Any]) -> None:
        properties = of(flow, widget)["properties"]
        assert old in properties[name]
        properties[name] = properties[name].replace(old, new)

    return change


def split_on(text: str) -> Fault:
    def change(flow: dict[str, Any]) -> None:
        of(flow, "outcome")["transitions"][1]["conditions"][0]["value"] = text

    return change


def orphan(flow: dict[str, Any]) -> None:
    extra = copy.deepcopy(of(flow, "assistant"))
    flow["states"].append({**extra, "name": "orphan"})


def unused(flow: dict[str, Any]) -> None:
    for name in ("assistant", "again"):
        given(name, "url", "https://other.example/voice")(flow)
    of(flow, "create")["properties"]["url"] = "https://other.example/data"
    of(flow, "outcome")["properties"]["input"] = "{{widgets.ask.Digits}}"


FAULTS: dict[str, Fault] = {
    "not-used": unused,
    "not-started": unwired("Trigger", "incomingCall"),
    "dangling": wired("goodbye", "audioComplete", "nowhere"),
    "not-reached": orphan,
    "blocked": lambda flow: flow.pop("flags"),
    "no-return": unwired("again", "return"),
    "no-fail": unwired("assistant", "fail"),
    "circle": wired("again", "return", "again"),
    "times-out": given("assistant", "timeout", "600"),
    "not-post": given("again", "method", "GET"),
    "not-https": replaced("assistant", "url", "https", "http"),
    "no-way-back": replaced("assistant", "url", "&flow={{flow.flow_sid}}", ""),
    "wrong-flow": replaced("assistant", "url", "{{flow.flow_sid}}", "{{flow.sid}}"),
    "not-an-id": replaced("assistant", "url", ASSISTANT, "Reception"),
    "unescaped": replaced("assistant", "url", "&flow", "&metadata.from={{trigger.call.From}}&flow"),
    "fetches-nothing": replaced("again", "url", "widgets.create", "widgets.ask"),
    "not-fetched": lambda flow: given("again", "url", of(flow, "assistant")["properties"]["url"])(
        flow
    ),
    "no-success": unwired("create", "success"),
    "no-failed": unwired("create", "failed"),
    "request-not-post": given("create", "method", "GET"),
    "no-key": replaced("create", "url", "flow:KEY@", ""),
    "not-json": replaced("create", "body", "{", "["),
    "dials": replaced("create", "body", '"phoneCallProviderBypassEnabled": true, ', ""),
    "other-widget": replaced("outcome", "input", "widgets.assistant", "widgets.greeting"),
    "no-match": unwired("outcome", "noMatch"),
    "unknown-reason": split_on("assistant-ended"),
    "match-leads-nowhere": unwired("outcome", "match"),
}
FOLLOWING = {
    # Faults that other rules must tell of too.
    "not-started": {"not-reached"},
    "fetches-nothing": {"not-fetched"},
    "no-success": {"not-reached"},
    "no-match": {"not-reached"},
}


def rules_of(flow: object, base_url: str = "") -> set[str]:
    return {each.rule for each in studio_lint.check(read(flow), base_url)}


def test_every_rule_has_a_fault() -> None:
    assert list(FAULTS) == [rule.name for rule in studio_lint.RULES]


def test_a_flow_without_a_fault() -> None:
    assert studio_lint.check(read(sound()), ORIGIN) == []
    assert studio_lint.check(read({"definition": sound()}), f"{ORIGIN}/") == []
    assert studio_lint.check(read(studio.flow(ORIGIN, ASSISTANT, "+14155550188"))) == []


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_is_found_by_its_rule(rule: str) -> None:
    flow = sound()
    FAULTS[rule](flow)
    found = rules_of(flow)
    assert rule in found
    assert found <= {rule} | FOLLOWING.get(rule, set())


def test_a_finding_names_widget_fault_and_rule() -> None:
    flow = sound()
    FAULTS["times-out"](flow)
    (finding,) = studio_lint.check(read(flow))
    assert str(finding).startswith("assistant: it gives up after 600 s")
    assert str(finding).endswith("[times-out]")


def test_a_flow_for_another_bridge() -> None:
    assert rules_of(sound(), "https://elsewhere.example") == {"other-host"}


def test_an_escaped_number_is_no_fault() -> None:
    flow = sound()
    escaped = "&metadata.from={{trigger.call.From | replace: '+', '%2B'}}&flow"
    replaced("assistant", "url", "&flow", escaped)(flow)
    assert rules_of(flow) == set()


@pytest.mark.parametrize("document", [None, [], {}, {"states": {}}, {"states": [1]}, "a text"])
def test_what_is_not_a_flow(document: object) -> None:
    with pytest.raises(NotAFlow):
        read(document)


@pytest.mark.parametrize("value", [None, 7, "text", [], [1], {}, True])
def test_no_value_breaks_the_rules(value: object) -> None:
    """Any field of any widget has this value: there are findings, and no exception."""
    for number, state in enumerate(sound()["states"]):
        for field in (*(name for name in state if name != "name"), "url", "conditions"):
            flow = sound()
            changed = flow["states"][number]
            if field == "url":
                changed["properties"]["url"] = value
            elif field == "conditions":
                changed["transitions"][0]["conditions"] = value
            else:
                changed[field] = value
            studio_lint.check(read(flow), ORIGIN)
