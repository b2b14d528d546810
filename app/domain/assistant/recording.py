"""Whether a call is recorded, and whether Patchbay or the carrier records it.

Patchbay records a call of the assistants ``local`` and ``vapi`` unless that is switched off: Vapi's
default.
With any other backend the carrier records the leg, only when the assistant asks for it. Such a
recording costs money, and callers may have to be informed. It may also go on after the leg
returns to its own flow.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TypedDict

from app.domain.assistant.compliance import keeps_no_record
from app.domain.assistant.fields import Json, object_of
from app.domain.context import Context
from providers.base.carrier import Carrier
from providers.common.json_types import JsonObject
from providers.errors import NotConfigured

RECORDED_BACKENDS = frozenset({"local", "vapi"})

log = logging.getLogger(__name__)


class Recorders(TypedDict, total=False):
    """The recorder of a call, as fields of its facts (``calls/facts.py``)."""

    recorded: bool
    taped: bool


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """The assistant's fields about recordings."""

    is_asked_for: bool
    is_forbidden: bool
    """Recording is switched off, or no record is kept: such a call is never recorded."""


def parse(assistant: Json) -> RecordingPlan:
    """``artifactPlan.recordingEnabled`` is the newer name of ``recordingEnabled``, and wins."""
    newer = object_of(assistant, "artifactPlan").get("recordingEnabled")
    flag = assistant.get("recordingEnabled") if newer is None else newer
    return RecordingPlan(flag is True, flag is False or keeps_no_record(assistant))


def decide(
    context: Context,
    carrier: Carrier,
    credential: JsonObject,
    plan: RecordingPlan,
    backend: str,
) -> Recorders:
    """The recorder of the call. ``backend`` answers its media socket."""
    if plan.is_forbidden:
        return {}
    if backend in RECORDED_BACKENDS:
        return {"taped": True}
    if plan.is_asked_for and _carrier_can_record(context, carrier, credential):
        return {"recorded": True}
    return {}


def _carrier_can_record(context: Context, carrier: Carrier, credential: JsonObject) -> bool:
    """Whether the account has the credentials that a recording needs."""
    try:
        able = carrier.client(context.account(credential)).can_record()
    except NotConfigured:
        able = False
    if not able:
        log.warning("a recording is asked for, and the %s account cannot have one", carrier.name)
    return able
