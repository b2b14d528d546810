"""The report of an upstream that has not sent it: its API is asked for the call.

Our report waits for it, for ``ARTIFACT_WAIT_SECONDS`` at most. The API is asked shortly before that,
because the analysis is in its answer last. Without one our report is sent all the same, and
``artifact.upstream.error`` says so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from app.domain.assistant.upstream import BACKEND
from app.domain.calls import call_assistant, record
from app.domain.calls.apply import Change
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.job_limits import limit_concurrency
from app.domain.reporting import upstream
from app.domain.resources import vendor_accounts
from app.store.vault import WrongKey
from app.vendors.common.account import NO_ACCOUNT
from app.vendors.common.answer import UpstreamAnswer
from providers.events import CallStatus

JOB = "upstream-report"
FIRST_SECONDS, LAST_SECONDS, SOONEST_SECONDS = 9.0, 6.0, 1.0
"""Before the report goes without: the first question, and the one after which it is given up."""
AGAIN_SECONDS = 3.0
AT_ONCE, AT_ONCE_SECONDS = 4, 1.0

log = logging.getLogger(__name__)


def end(change: Change) -> None:
    """Ask later, for a call that is over and whose upstream has not reported."""
    tx = change.tx
    if upstream.open_ones(tx.call):
        payload = {"callId": tx.call.id}
        delay = max(SOONEST_SECONDS, tx.context.settings.artifact_wait_seconds - FIRST_SECONDS)
        tx.context.jobs.enqueue(tx.conn, JOB, f"{JOB}:{tx.call.id}", payload, delay=delay)


@limit_concurrency(AT_ONCE, AT_ONCE_SECONDS)
def run(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job: the seconds until it asks again, or None."""
    with context.store.read() as conn:
        call = record.get(conn, payload["callId"])
        if call is None or call.status != CallStatus.ENDED or not upstream.open_ones(call):
            return None
    answers = _ask(context, call)
    patience = timedelta(seconds=context.settings.artifact_wait_seconds - LAST_SECONDS)
    is_last = context.now() - (call.ended_at or call.updated_at) >= patience
    with context.store.write() as conn:
        locked = record.get(conn, call.id, lock=True)
        if locked is None:
            return None
        tx = CallTx(context, conn, locked)
        for upstream_id, answer in answers.items():
            _take(tx, upstream_id, answer, is_last=is_last)
        return AGAIN_SECONDS if upstream.open_ones(tx.call) else None


def _ask(context: Context, call: Call) -> Mapping[str, UpstreamAnswer]:
    """The answers about the upstream's calls that have not reported."""
    wanted = upstream.open_ones(call)
    try:
        with context.store.read() as conn:
            assistant = call_assistant.with_secrets(context, call)
            found = vendor_accounts.accounts_for_call(context, conn, call.org_id, assistant)
    except WrongKey as error:
        return dict.fromkeys(wanted, UpstreamAnswer(error=str(error)))
    account = found.get(BACKEND, NO_ACCOUNT)
    return {each: context.upstream.get(account, each) for each in wanted}


def _take(tx: CallTx, upstream_id: str, answer: UpstreamAnswer, *, is_last: bool) -> None:
    if answer.call.get("status") == "ended":
        upstream.report(tx, upstream_id, answer.call)
    elif is_last:
        status = answer.call.get("status")
        why = answer.error or f"its call {upstream_id} is {status}"
        log.warning("call %s: its upstream has no report: %s", tx.call.id, why)
        upstream.give_up(tx, upstream_id, why)
