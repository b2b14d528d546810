"""``summary`` and ``analysis`` of a call, from the assistant's own model after the call's end.

The call's end queues a durable job, and the last transcript brings it forward. The report waits
for it. A model that fails is asked a few more times; then the report is sent without it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.domain.assistant import analysis_plan
from app.domain.assistant.analysis_plan import Question
from app.domain.assistant.config import AssistantConfig
from app.domain.calls import record, variables
from app.domain.calls.apply import Change
from app.domain.calls.record import CallTx
from app.domain.context import Context
from app.domain.costs import items as costs
from app.domain.job_limits import limit_concurrency
from app.domain.overlay import merge
from app.domain.reporting import pending
from app.domain.resources import vendor_accounts
from app.vendors.common.account import VendorAccounts
from app.vendors.common.answer import ModelAnswer
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus

JOB = "analyse"
ARTIFACT = "analysis"
"""The name under which the report waits for it."""
LAST_WORDS_SECONDS = 3.0
"""Seconds from the end until the last transcript is stored, unless its process was killed."""
WAITS = (1.0, 5.0)
"""Seconds between the attempts."""
AT_ONCE, AT_ONCE_SECONDS = 4, 1.0
"""Limit of jobs at once in a process, and seconds until a job over the limit retries."""
EMBEDDED = "embedded"

log = logging.getLogger(__name__)


def begin(change: Change) -> None:
    """Make the report wait for the analysis, once the assistant joins."""
    tx = change.tx
    assistant = tx.call.facts.assistant
    speaks = assistant.model.get("provider", EMBEDDED) != EMBEDDED
    backend = assistant.transport.backend(tx.context.settings)
    if speaks and backend == "local" and assistant.analysis.questions:
        pending.expect(tx, ARTIFACT)


def end(change: Change) -> None:
    """Queue the analysis of a call that is over; its last transcript may not be stored yet."""
    enqueue(change.tx, LAST_WORDS_SECONDS)


def enqueue(tx: CallTx, delay: float) -> None:
    """Ask the model after this delay in seconds, if the call is over and its analysis pending."""
    if tx.call.status == CallStatus.ENDED and pending.is_pending(tx.call, ARTIFACT):
        tx.context.jobs.enqueue(
            tx.conn, JOB, f"{JOB}:{tx.call.id}", {"callId": tx.call.id}, delay=delay
        )


@limit_concurrency(AT_ONCE, AT_ONCE_SECONDS)
def run(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job; the seconds until the model is asked again, or None."""
    with context.store.read() as conn:
        call = record.get(conn, payload["callId"])
        if call is None or not pending.is_pending(call, ARTIFACT):
            return None
        hidden = context.vault.open(call.secret).get("assistant", {})
        assistant = AssistantConfig(merge(call.facts.assistant.json, hidden))
        keys = vendor_accounts.accounts_for_call(context, conn, call.org_id, assistant)
    known = call.body.get("analysis", {})
    values = variables.of_call(context, call)
    facts = {**call.body, "endedReason": call.ended_reason, variables.KEPT: values}
    asked = [each for each in assistant.analysis.questions_about(facts) if each.name not in known]
    thoughts = _think(context, assistant.model, keys, asked)
    return _write(context, call.id, asked, thoughts)


def _think(
    context: Context, model: JsonObject, accounts: VendorAccounts, asked: Sequence[Question]
) -> list[ModelAnswer]:
    """Ask all questions at once, because the report waits for them."""
    if not asked:
        return []
    with ThreadPoolExecutor(len(asked)) as pool:
        ask = partial(context.ask_model, model, accounts)
        return list(pool.map(lambda each: ask(each.messages, each.seconds), asked))


def _write(
    context: Context, call_id: str, asked: Sequence[Question], thoughts: Sequence[ModelAnswer]
) -> float | None:
    with context.store.write() as conn:
        found = record.get(conn, call_id, lock=True)
        if found is None:
            return None
        tx = CallTx(context, conn, found)
        body, again = tx.call.body, False
        for question, thought in zip(asked, thoughts, strict=True):
            body = _added(context, body, question.name, thought)
            again |= thought.transient
            if thought.error:
                log.warning(
                    "call %s has no %s: %s",
                    call_id,
                    question.name,
                    thought.error,
                    extra={"callId": call_id},
                )
        attempts = tx.call.facts.analysis_attempts
        facts = tx.call.facts._replace(analysis_attempts=attempts + 1)
        tx.update(body=body, facts=facts, updated_at=context.now())
        if again and attempts < len(WAITS):
            return WAITS[attempts]
        pending.resolve(tx, ARTIFACT)
    return None


def _added(context: Context, body: JsonObject, name: str, thought: ModelAnswer) -> JsonDict:
    """The call's body with one answer and its cost."""
    if thought.error:
        return dict(body)
    usage = {"promptTokens": thought.prompt_tokens, "completionTokens": thought.completion_tokens}
    item = context.prices.item(
        {"type": "analysis", "analysisType": name, "model": thought.model} | usage
    )
    paid = {**body, **costs.add(body, item)}
    answer = analysis_plan.answer(name, thought.text)
    if answer is None:
        return paid
    older = {"summary": answer} if name == analysis_plan.SUMMARY else {}
    return {**paid, **older, "analysis": {**body.get("analysis", {}), name: answer}}
