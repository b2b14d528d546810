"""A leg as Twilio's API shows it, in the events that its callbacks would have brought."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from providers.base.rest import LegState
from providers.base.webhook import Leg
from providers.common import price as leg_price
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallEvent, EventKind
from providers.twilio.config import NAME
from providers.twilio.payload import number
from providers.twilio.statuses import ENDS, GENERIC_END, PROGRESS, end_fields

# The fields that are read. https://www.twilio.com/docs/voice/api/call-resource#call-properties
RESOURCE_FIELDS = (
    "sid",
    "status",
    "direction",
    "from",
    "to",
    "start_time",
    "end_time",
    "duration",
    "price",
    "price_unit",
)


def state(resource: JsonObject, now: datetime) -> LegState:
    """The events of a Call resource. Times are aware datetimes or None.

    Only an answered call becomes ``completed``, so that status yields the answer too.
    """
    word, inbound = str(resource["status"]), resource["direction"] == "inbound"
    sid = str(resource["sid"])
    leg = Leg(sid, sid, resource["from"] or None, resource["to"] or None, inbound)
    answered = "in-progress" if word == GENERIC_END else word
    raw = {name: str(resource[name]) for name in RESOURCE_FIELDS if resource[name] is not None}
    seconds = number(str(resource["duration"] or ""))

    def event(kind: EventKind, at: datetime | None, **more: Any) -> CallEvent:
        key = f"reconciled:{kind}"
        return CallEvent(kind, at or now, key, source=NAME, raw=raw, **more)

    events = []
    if answered in PROGRESS:
        events.append(event(PROGRESS[answered], resource["start_time"]))
    if word in ENDS:
        data = _price(resource) | ({} if seconds is None else {"durationSeconds": seconds})
        end = event(
            EventKind.LEG_ENDED, resource["end_time"], data=data, **end_fields(word, inbound)
        )
        events.append(end)
    return LegState(leg, word, tuple(events))


def _price(resource: JsonObject) -> JsonDict:
    """The leg's price. It is null until up to hours after the end, and a charge is negative."""
    amount = leg_price.amount(resource["price"])
    return leg_price.fact(
        None if amount is None else -amount, resource["price_unit"], resource["sid"]
    )
