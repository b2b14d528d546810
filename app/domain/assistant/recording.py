"""Whether a call is recorded, and by whom.

What the ``local`` assistant hears and says is recorded by us, unless that is switched off: Vapi's
default. Of any other backend the carrier records the leg, for those who ask for it in so many
words: that costs, callers may have to be told of it, and it may go on in a leg that a flow has
lent us.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, TypedDict

from app.domain.assistant.config import backend_of
from app.domain.context import Context
from providers.base.carrier import Carrier
from providers.errors import NotConfigured

RECORDED_BACKENDS = frozenset({"local"})

log = logging.getLogger(__name__)


class Recorders(TypedDict, total=False):
    """Who records a call, as fields of its facts (``calls/facts.py``)."""

    recorded: bool
    taped: bool


def decide(
    context: Context, carrier: Carrier, credential: Mapping[str, Any], assistant: Mapping[str, Any]
) -> Recorders:
    """Who records the call. ``artifactPlan.recordingEnabled`` is the newer name of
    ``recordingEnabled``, and wins; of a HIPAA assistant nothing is recorded.
    """
    plan = assistant.get("artifactPlan")
    newer = plan.get("recordingEnabled") if isinstance(plan, Mapping) else None
    flag = assistant.get("recordingEnabled") if newer is None else newer
    if flag is False or _is_hipaa(assistant):
        return {}
    backend, _ = backend_of(assistant, context.settings)
    if backend in RECORDED_BACKENDS:
        return {"taped": True}
    return (
        {"recorded": True}
        if flag is True and _carrier_can_record(context, carrier, credential)
        else {}
    )


def _is_hipaa(assistant: Mapping[str, Any]) -> bool:
    newer = assistant.get("compliancePlan")
    plan = newer if isinstance(newer, Mapping) else {}
    return True in (assistant.get("hipaaEnabled"), plan.get("hipaaEnabled"))


def _carrier_can_record(context: Context, carrier: Carrier, credential: Mapping[str, Any]) -> bool:
    """Whether the account has what it takes."""
    try:
        able = carrier.client(context.account(credential)).can_record()
    except NotConfigured:
        able = False
    if not able:
        log.warning("a recording is asked for, and the %s account cannot have one", carrier.name)
    return able
