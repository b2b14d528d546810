"""The summary that an operator gets: by the assistant's model, before the transfer begins.

No transaction is open while the model is asked. Without an answer in time the operator gets the
plan's message, or a sentence of ours.
"""

from __future__ import annotations

import logging

from app.domain.assistant import analysis_plan, transfer_plan
from app.domain.assistant.installation import EMBEDDED_NAME
from app.domain.calls import call_assistant, record, variables
from app.domain.context import Context
from app.domain.resources import vendor_accounts
from providers.common.json_types import JsonObject

log = logging.getLogger(__name__)


def summarise(context: Context, call_id: str, destination: JsonObject) -> str:
    """The summary of the conversation so far; empty if the destination's plan wants none."""
    plan = transfer_plan.read(destination)
    if not plan.wants_summary:
        return ""
    with context.store.read() as conn:
        call = record.get(conn, call_id)
        if call is None:
            return ""
        assistant = call_assistant.with_secrets(context, call)
        keys = vendor_accounts.accounts_for_call(context, conn, call.org_id, assistant)
    if assistant.model.get("provider", EMBEDDED_NAME) == EMBEDDED_NAME:  # the menu cannot answer
        return ""
    asked = {"minMessagesThreshold": 0, "summaryPlan": plan.summary}
    other = {"successEvaluationPlan": {"enabled": False}}
    questions = analysis_plan.parse({"analysisPlan": {**asked, **other}})
    facts = {**call.body, variables.KEPT: variables.of_call(context, call)}
    for question in questions.questions_about(facts):
        found = context.ask_model(assistant.model, keys, question.messages, question.seconds)
        if not found.error:
            return found.text.strip()
        told = "" if assistant.keeps_no_record else f": {found.error}"
        log.warning("call %s: no summary for its operator%s", call_id, told)
    return ""
