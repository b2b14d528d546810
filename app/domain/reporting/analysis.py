"""``summary``, ``analysis`` and structured outputs of a call, by its model after the call's end.

The call's end queues a durable job, and the last transcript brings it forward. The report waits
for it. A model that fails is asked a few more times; then the report is sent without it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from app.domain.assistant import analysis_plan
from app.domain.assistant import structured_outputs as outputs
from app.domain.assistant.analysis_plan import Question
from app.domain.assistant.config import AssistantConfig
from app.domain.calls import call_assistant, record, variables
from app.domain.calls.apply import Change
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.costs import items as costs
from app.domain.job_limits import limit_concurrency
from app.domain.reporting import no_record, pending, structured_outputs
from app.domain.reporting.structured_outputs import Extracted, Source
from app.domain.resources import structured_outputs as stored_outputs
from app.domain.resources import vendor_accounts
from app.store.again import one_transaction
from app.store.vault import WrongKey
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
    tx, call = change.tx, change.tx.call
    assistant = call.facts.assistant
    backend = assistant.transport.backend(tx.context.settings)
    if backend == "local" and (
        _questions(assistant)
        or stored_outputs.are_wanted(tx.conn, call.org_id, call.active_assistant_id, assistant)
    ):
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
    try:
        return _ask(context, payload["callId"])
    except WrongKey as error:
        log.error("call %s has no analysis: %s", payload["callId"], error)
        return _write(context, payload["callId"], NO_FINDINGS)


def _ask(context: Context, call_id: str) -> float | None:
    """Raises ``WrongKey`` for an assistant whose secrets cannot be opened."""
    with context.store.read() as conn:
        call = record.get(conn, call_id)
        if call is None or not pending.is_pending(call, ARTIFACT):
            return None
        assistant = call_assistant.with_secrets(context, call)
        keys = vendor_accounts.accounts_for_call(context, conn, call.org_id, assistant)
        defined, missing = stored_outputs.of_call(
            context, conn, call.id, call.org_id, call.active_assistant_id, assistant
        )
    values = variables.of_call(context, call)
    facts = {**call.body, "endedReason": call.ended_reason, variables.KEPT: values}
    known = outputs.facts(facts, call.started_at, call.ended_at)
    left, skipped = structured_outputs.open_ones(call.body, defined, known)
    asked = _unanswered(assistant, call, facts)
    thoughts = _think(context, assistant.model, keys, asked)
    found = structured_outputs.extract(Source(context, facts, assistant.model, keys), left)
    return _write(context, call.id, Findings(asked, thoughts, found, skipped, missing))


@dataclass(frozen=True, slots=True)
class Findings:
    """What one attempt has found."""

    asked: Sequence[Question]
    thoughts: Sequence[ModelAnswer]
    """The answers, in the order of ``asked``."""
    outputs: Sequence[Extracted]
    skipped: Mapping[str, JsonDict]
    missing: Sequence[str]

    def add(self, context: Context, body: JsonObject) -> JsonDict:
        """The call's body with them."""
        for question, thought in zip(self.asked, self.thoughts, strict=True):
            body = _added(context, body, question.name, thought)
        return structured_outputs.added(context, body, self.outputs, self.skipped, self.missing)

    def failures(self) -> Iterator[tuple[str, str, bool]]:
        """Name, error, and whether it may be gone soon."""
        for question, thought in zip(self.asked, self.thoughts, strict=True):
            if thought.error:
                yield question.name, thought.error, thought.transient
        for each in self.outputs:
            if each.error:
                # An answer of another form has the caller's words; a log must not have them.
                told = each.error if each.is_models else "the result is not as its schema says"
                yield f"structured output {each.output.id}", told, each.transient


NO_FINDINGS = Findings((), (), (), {}, ())


def _questions(assistant: AssistantConfig) -> Sequence[Question]:
    """Those of the analysis. The embedded menu is no model that could answer."""
    is_model = assistant.model.get("provider", EMBEDDED) != EMBEDDED
    return assistant.analysis.questions if is_model else ()


def _unanswered(assistant: AssistantConfig, call: Call, facts: JsonObject) -> list[Question]:
    if not _questions(assistant):
        return []
    known = call.body.get("analysis", {})
    return [each for each in assistant.analysis.questions_about(facts) if each.name not in known]


def _think(
    context: Context, model: JsonObject, accounts: VendorAccounts, asked: Sequence[Question]
) -> list[ModelAnswer]:
    """Ask all questions at once, because the report waits for them."""
    if not asked:
        return []
    with ThreadPoolExecutor(len(asked)) as pool:
        ask = partial(context.ask_model, model, accounts)
        return list(pool.map(lambda each: ask(each.messages, each.seconds), asked))


@one_transaction
def _write(context: Context, call_id: str, findings: Findings) -> float | None:
    with context.store.write() as conn:
        found = record.get(conn, call_id, lock=True)
        if found is None:
            return None
        tx = CallTx(context, conn, found)
        failures = [*findings.failures()]
        for name, error, _ in failures:
            told = "" if tx.call.facts.assistant.keeps_no_record else f": {error}"
            log.warning("call %s has no %s%s", call_id, name, told, extra={"callId": call_id})
        attempts = tx.call.facts.analysis_attempts
        facts = tx.call.facts._replace(analysis_attempts=attempts + 1)
        body = findings.add(context, tx.call.body)
        tx.update(body=body, facts=facts, updated_at=context.now())
        if any(transient for *_, transient in failures) and attempts < len(WAITS):
            return WAITS[attempts]
        pending.resolve(tx, ARTIFACT)
        no_record.again(tx)
    return None


def _added(context: Context, body: JsonObject, name: str, thought: ModelAnswer) -> JsonDict:
    """The call's body with one answer and its cost."""
    if thought.error:
        return dict(body)
    about = {"type": "analysis", "analysisType": name, "model": thought.model}
    item = context.prices.item(about | thought.usage)
    paid = {**body, **costs.add(body, item)}
    answer = analysis_plan.answer(name, thought.text)
    if answer is None:
        return paid
    older = {"summary": answer} if name == analysis_plan.SUMMARY else {}
    return {**paid, **older, "analysis": {**body.get("analysis", {}), name: answer}}
