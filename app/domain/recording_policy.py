"""Whether a call's leg is recorded.

For those who ask for it in so many words: at Vapi recording is on unless it is switched off, but
there it is Vapi's own, and here the carrier's, which costs, of which callers may have to be told,
and which may go on in a leg that a flow has lent us.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from app.domain.core import Core
from providers.base import Provider
from providers.errors import NotConfigured

WANTED = "recorded"
"""In ``resolved``: the leg of this call is to be recorded."""

log = logging.getLogger(__name__)


def asked(
    core: Core, provider: Provider, credential: Mapping[str, Any], assistant: Mapping[str, Any]
) -> dict[str, bool]:
    """For ``resolved``: the assistant asks for it, and the account has what it takes.

    ``artifactPlan.recordingEnabled`` is the newer name of ``recordingEnabled``, and wins.
    """
    plan = assistant.get("artifactPlan")
    newer = plan.get("recordingEnabled") if isinstance(plan, Mapping) else None
    flag = assistant.get("recordingEnabled") if newer is None else newer
    if flag is not True or assistant.get("hipaaEnabled") is True:
        return {}
    try:
        able = provider.client(core.account(credential)).can_record()
    except NotConfigured:
        able = False
    if not able:
        log.warning("a recording is asked for, and the %s account cannot have one", provider.name)
        return {}
    return {WANTED: True}


def wanted(row: Mapping[str, Any]) -> bool:
    """``row``: a call's."""
    return bool(row["resolved"].get(WANTED))
