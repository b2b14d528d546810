"""``summary`` and ``analysis`` of a call: its assistant's own model is asked, after the end.

A durable job, ordered with the call's end and brought forward when the last words are written. The
report waits for it. A model that fails is asked again a few times; then the report goes without.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.assistant import analysis_plan
from app.domain.assistant.analysis_plan import Question
from app.domain.assistant.config import backend_of
from app.domain.calls.apply import Change
from app.domain.context import Context, Row
from app.domain.costs import items as costs
from app.domain.job_limits import limit_concurrency
from app.domain.overlay import merge
from app.domain.reporting import pending
from app.domain.resources import vendor_accounts
from app.store import calls
from app.vendors.common.account import VendorAccounts
from app.vendors.common.answer import ModelAnswer
from providers.events import CallStatus

JOB = "analyse"
ARTIFACT = "analysis"
"""Its name among what a report waits for."""
STATE = "analysis"
"""In ``resolved``: ``{"attempts"}``, how often the model was asked in vain."""
LAST_WORDS_SECONDS = 3.0
"""From the end until the last words are written, at the latest, unless their process was killed."""
WAITS = (1.0, 5.0)
"""Seconds between the attempts."""
AT_ONCE, AT_ONCE_SECONDS = 4, 1.0
"""Calls whose models a process asks at a time, and until one that found no place looks again."""
EMBEDDED = "embedded"

log = logging.getLogger(__name__)


def begin(change: Change) -> None:
    """The assistant is in: from now on the report waits for what its model will make of the call."""
    context, conn, row = change.context, change.conn, change.row
    assistant = row["resolved"].get("assistant", {})
    model = assistant.get("model")
    speaks = isinstance(model, Mapping) and model.get("provider", EMBEDDED) != EMBEDDED
    backend, _ = backend_of(assistant, context.settings)
    if speaks and backend == "local" and analysis_plan.wanted(assistant):
        pending.expect(conn, row, ARTIFACT)


def end(change: Change) -> None:
    """The call is over, and its last words may not be written yet."""
    enqueue(change.context, change.conn, change.row, LAST_WORDS_SECONDS)


def enqueue(context: Context, conn: Connection, row: Row, delay: float) -> None:
    """Have the model asked so many seconds from now, if the call is over and waits for that."""
    if row["status"] == CallStatus.ENDED and pending.is_pending(row, ARTIFACT):
        context.jobs.enqueue(conn, JOB, f"{JOB}:{row['id']}", {"callId": row["id"]}, delay=delay)


@limit_concurrency(AT_ONCE, AT_ONCE_SECONDS)
def run(context: Context, payload: Mapping[str, Any]) -> float | None:
    """Handler of the job; the seconds until the model is asked again, or None."""
    with context.store.read() as conn:
        row = calls.get(conn, payload["callId"])
        if row is None or not pending.is_pending(row, ARTIFACT):
            return None
        hidden = context.vault.open(row["secret"]).get("assistant", {})
        assistant = merge(row["resolved"].get("assistant", {}), hidden)
        keys = vendor_accounts.accounts_for_call(context, conn, row["org_id"], assistant)
    known = row["body"].get("analysis", {})
    facts = {**row["body"], "endedReason": row["ended_reason"]}
    asked = [each for each in analysis_plan.questions(assistant, facts) if each.name not in known]
    thoughts = _think(context, assistant.get("model") or {}, keys, asked)
    return _write(context, row["id"], asked, thoughts)


def _think(
    context: Context, model: Mapping[str, Any], accounts: VendorAccounts, asked: Sequence[Question]
) -> list[ModelAnswer]:
    """All at once: a report waits for them."""
    if not asked:
        return []
    with ThreadPoolExecutor(len(asked)) as pool:
        ask = partial(context.ask_model, model, accounts)
        return list(pool.map(lambda each: ask(each.messages, each.seconds), asked))


def _write(
    context: Context, call_id: str, asked: Sequence[Question], thoughts: Sequence[ModelAnswer]
) -> float | None:
    with context.store.write() as conn:
        found = calls.get(conn, call_id, lock=True)
        if found is None:
            return None
        row = dict(found)
        body, again = row["body"], False
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
        attempts = row["resolved"].get(STATE, {}).get("attempts", 0)
        resolved = {**row["resolved"], STATE: {"attempts": attempts + 1}}
        values = {"body": body, "resolved": resolved, "updated_at": context.now()}
        calls.update(conn, call_id, values)
        row.update(values)
        if again and attempts < len(WAITS):
            return WAITS[attempts]
        pending.resolve(context, conn, row, ARTIFACT)
    return None


def _added(
    context: Context, body: Mapping[str, Any], name: str, thought: ModelAnswer
) -> dict[str, Any]:
    """A call's body with one answer and its cost."""
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
