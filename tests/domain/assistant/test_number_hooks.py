"""Which hook of a phone number is for a caller, and what of the hooks has no effect."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant import number_hooks
from app.domain.assistant.number_hooks import ActionType
from providers.events import EndedReason

SAY = {"type": "say", "exact": "Closed."}
THERE = {"type": "number", "number": "+14155550188"}
NO_ASSISTANT = "assistant-request-returned-no-assistant"


def starts(*prefixes: str) -> dict[str, Any]:
    return {"type": "startsWith", "key": "number", "startsWith": list(prefixes)}


def is_one_of(*reasons: str) -> dict[str, Any]:
    return {"type": "oneOf", "key": "call.endedReason", "oneOf": list(reasons)}


def rings(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"on": "call.ringing", "filters": list(filters), "do": [SAY]}


CALLERS: list[tuple[list[dict[str, Any]], str | None, str | None]] = [
    # hooks, the caller, the path of the action that is executed
    ([], "+4930123456", None),
    ([{"on": "call.ringing", "do": [SAY]}], "+4930123456", "hooks.0.do.0"),
    ([rings()], None, "hooks.0.do.0"),
    ([rings(starts("1", "49"))], "+4930123456", "hooks.0.do.0"),
    ([rings(starts("4930"), starts("49"))], "+4930123456", "hooks.0.do.0"),
    ([rings(starts("49"), starts("1"))], "+4930123456", None),
    ([rings(starts("9"))], "+4930123456", None),
    ([rings(starts("49"))], None, None),
    ([rings(starts("1")), rings()], "+4930123456", "hooks.1.do.0"),
    ([{"on": "call.ending", "do": SAY}], "+4930123456", None),
]


@pytest.mark.parametrize(("hooks", "caller", "path"), CALLERS)
def test_the_first_hook_for_a_caller(
    hooks: list[dict[str, Any]], caller: str | None, path: str | None
) -> None:
    found = number_hooks.ringing({"hooks": hooks}, caller)
    assert (found.path if found else None) == path


@pytest.mark.parametrize(
    ("filters", "reasons", "is_for"),
    [
        ([], {NO_ASSISTANT}, True),
        ([], set(), False),  # no server was asked
        ([is_one_of(NO_ASSISTANT)], {NO_ASSISTANT}, True),
        ([is_one_of("assistant-request-failed")], {NO_ASSISTANT}, False),
    ],
)
def test_the_hook_of_an_end(filters: list[dict[str, Any]], reasons: set[str], is_for: bool) -> None:
    action = {"type": "transfer", "destination": THERE}
    number = {"hooks": [{"on": "call.ending", "filters": filters, "do": action}]}
    found = number_hooks.ending(number, reasons)
    assert (found is not None) == is_for
    assert found is None or found == ("hooks.0.do", ActionType.TRANSFER, "", THERE)


def test_what_has_no_effect() -> None:
    late = is_one_of(EndedReason.ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER)
    hooks = [
        {"on": "call.ringing", "do": [SAY, SAY]},
        {"on": "call.ending", "filters": [late], "do": SAY},
    ]
    found = [path for path, _ in number_hooks.without_effect({"hooks": hooks})]
    assert found == ["hooks.0.do.1", "hooks.1.filters.0.oneOf"]
