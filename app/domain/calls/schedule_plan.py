"""``schedulePlan``: from when, and until when, a call is dialled. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from providers.common.json_types import JsonObject

PATIENCE = timedelta(hours=1)
"""How long after ``earliestAt`` a call without ``latestAt`` may begin."""
FURTHEST = timedelta(days=90)


def earliest(body: JsonObject) -> datetime:
    return datetime.fromisoformat(body["schedulePlan"]["earliestAt"])


def latest(body: JsonObject) -> datetime:
    given = body["schedulePlan"].get("latestAt")
    return datetime.fromisoformat(given) if given else earliest(body) + PATIENCE


def problem(body: JsonObject, now: datetime) -> str | None:
    """Why a new call cannot have this plan, as a sentence."""
    if body.get("phoneCallProviderBypassEnabled"):
        return "schedulePlan is for calls that are dialled here: bypass mode dials no phone"
    if latest(body) <= earliest(body):
        return "schedulePlan.latestAt must be after schedulePlan.earliestAt"
    if latest(body) <= now:
        return "schedulePlan is over: its last moment is in the past"
    if earliest(body) > now + FURTHEST:
        return f"schedulePlan.earliestAt must not be more than {FURTHEST.days} days ahead"
    return None
