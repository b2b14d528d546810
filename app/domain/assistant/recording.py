"""Whether a call is recorded, and by whom.

What the ``local`` assistant hears and says is recorded by us, unless that is switched off: Vapi's
default. Of any other backend the carrier records the leg, for those who ask for it in so many
words: that costs, callers may have to be told of it, and it may go on in a leg that a flow has
lent us.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TypedDict

from app.domain.assistant.fields import Json, object_of
from app.domain.context import Context
from providers.base.carrier import Carrier
from providers.common.json_types import JsonObject
from providers.errors import NotConfigured

RECORDED_BACKENDS = frozenset({"local"})

log = logging.getLogger(__name__)


class Recorders(TypedDict, total=False):
    """Who records a call, as fields of its facts (``calls/facts.py``)."""

    recorded: bool
    taped: bool


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What the assistant says about recordings."""

    is_asked_for: bool
    is_forbidden: bool
    """It is switched off, or the assistant is a HIPAA one, of which nothing is recorded."""


def parse(assistant: Json) -> RecordingPlan:
    """``artifactPlan.recordingEnabled`` is the newer name of ``recordingEnabled``, and wins."""
    newer = object_of(assistant, "artifactPlan").get("recordingEnabled")
    flag = assistant.get("recordingEnabled") if newer is None else newer
    return RecordingPlan(flag is True, flag is False or _is_hipaa(assistant))


def decide(
    context: Context,
    carrier: Carrier,
    credential: JsonObject,
    plan: RecordingPlan,
    backend: str,
) -> Recorders:
    """Who records the call. ``backend``: which answers its media socket."""
    if plan.is_forbidden:
        return {}
    if backend in RECORDED_BACKENDS:
        return {"taped": True}
    if plan.is_asked_for and _carrier_can_record(context, carrier, credential):
        return {"recorded": True}
    return {}


def _is_hipaa(assistant: Json) -> bool:
    plan = object_of(assistant, "compliancePlan")
    return True in (assistant.get("hipaaEnabled"), plan.get("hipaaEnabled"))


def _carrier_can_record(context: Context, carrier: Carrier, credential: JsonObject) -> bool:
    """Whether the account has what it takes."""
    try:
        able = carrier.client(context.account(credential)).can_record()
    except NotConfigured:
        able = False
    if not able:
        log.warning("a recording is asked for, and the %s account cannot have one", carrier.name)
    return able
