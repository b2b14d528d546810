"""A number's settings at Vonage: its linked application, and that application's webhooks.

https://developer.vonage.com/en/api/application.v2#getApplication
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.base.rest import NumberSetting
from providers.base.webhook import HookKind
from providers.common.json_types import JsonObject

# Webhooks of an application's Voice capability: field -> its name in the dashboard, and ours.
WEBHOOKS: Mapping[str, tuple[str, HookKind]] = {
    "answer_url": ("Answer URL", HookKind.ARRIVE),
    "event_url": ("Event URL", HookKind.STATUS),
    "fallback_answer_url": ("Fallback URL", HookKind.FALLBACK),
}
FIELDS: Mapping[HookKind, str] = {kind: name for name, kind in WEBHOOKS.values()}
"""The fields of the application's Voice capability that take our URLs."""


def owned(answer: JsonObject, digits: str) -> JsonObject | None:
    """The number among those the account owns. The search finds longer ones too."""
    numbers = answer.get("numbers") or []
    found = (each for each in numbers if isinstance(each, dict) and each.get("msisdn") == digits)
    return next(found, None)


def link(linked: str | None, ours: str | None) -> NumberSetting:
    """The application the number is linked to, and what is wrong with the link."""
    problem = None
    if linked is None:
        problem = "link the number to your application, or no call of it reaches an application"
    elif ours is not None and linked != ours:
        problem = f"the number is linked to another application than ours, {ours}"
    return NumberSetting("Linked application", linked, problem=problem)


def webhooks(application: JsonObject) -> list[NumberSetting]:
    """The Voice capability. Without signed webhooks all its requests are refused here."""
    voice = _part(_part(application, "capabilities"), "voice")
    urls = _part(voice, "webhooks")
    signed = voice.get("signed_callbacks") is True
    unsigned = "switch on 'Use signed webhooks', or every request is refused here"
    return [
        *(
            NumberSetting(name, _part(urls, field).get("address") or None, kind)
            for field, (name, kind) in WEBHOOKS.items()
        ),
        NumberSetting(
            "Use signed webhooks", "on" if signed else "off", problem=None if signed else unsigned
        ),
    ]


def _part(whole: JsonObject, name: str) -> JsonObject:
    """A member that is an object. An application without Voice has none, or null."""
    part = whole.get(name)
    return part if isinstance(part, dict) else {}
