"""A number's settings at Twilio: who takes its calls, and where its statuses go.

https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.base.rest import NumberSetting
from providers.base.webhook import HookKind

FIELDS: Mapping[HookKind, str] = {
    HookKind.ARRIVE: "A call comes in",
    HookKind.STATUS: "Call status changes",
}
"""The fields of a number's *Voice Configuration* in the console that take our URLs."""


def settings(number: Any) -> list[NumberSetting]:
    """The settings.

    A trunk or an application takes the number's calls, whatever its own URLs are.
    """
    elsewhere = number.trunk_sid or number.voice_application_sid
    kind = "SIP trunk" if number.trunk_sid else "TwiML app"
    status_by_get = number.status_callback and number.status_callback_method == "GET"
    return [
        NumberSetting(
            FIELDS[HookKind.ARRIVE],
            number.voice_url or None,
            HookKind.ARRIVE,
            f"{kind} {elsewhere} takes its calls: choose Webhook instead" if elsewhere else None,
        ),
        NumberSetting(
            FIELDS[HookKind.STATUS],
            number.status_callback or None,
            HookKind.STATUS,
            "it is sent by GET: choose HTTP POST" if status_by_get else None,
        ),
    ]
