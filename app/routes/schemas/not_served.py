"""Vapi's fields that are refused here, each with the reason that the response and the docs give.

docs/compatibility.md is written from this table. A field that becomes served leaves it.
"""

from __future__ import annotations

from collections.abc import Mapping

WORKFLOWS = "workflows are not served here"

# Field -> the reason, as the end of a sentence.
NOT_SERVED: Mapping[str, str] = {
    "assistantVersion": "assistants have no versions here",
    "workflow": WORKFLOWS,
    "workflowId": WORKFLOWS,
    "workflowOverrides": WORKFLOWS,
}
