"""The summary that an operator gets: by the assistant's model, before the transfer begins.

No transaction is open while the model is asked. Without an answer in time the operator gets the
plan's message, or a sentence of ours.
"""

from __future__ import annotations

import logging

from app.domain.assistant import analysis_plan, transfer_plan
from app.domain.assistant.installation import EMBEDDED_NAME
from app.domain.calls import call_assistant, record, variables
from app.domain.calls.record import CallTx
from app.domain.context import Context
from app.domain.costs import items as costs
from app.domain.resources import vendor_accounts
from app.store.ids import new_id
from app.vendors.common.answer import ModelAnswer
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
            _spend(context, call_id, found)
            return found.text.strip()
        told = "" if assistant.keeps_no_record else f": {found.error}"
        log.warning("call %s: no summary for its operator%s", call_id, told)
    return ""


def _spend(context: Context, call_id: str, answer: ModelAnswer) -> None:
    """Add what the summary has cost: an item of its own, as each attempt at a transfer has one."""
    about = {"type": "model", "model": answer.model, "stream": f"transfer-summary/{new_id()}"}
    item = context.prices.item(about | answer.usage)
    with context.store.write() as conn:
        call = record.get(conn, call_id, lock=True)
        if call is not None:
            body = {**call.body, **costs.add(call.body, item)}
            CallTx(context, conn, call).update(body=body, updated_at=context.now())
