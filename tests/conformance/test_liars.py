"""The kit against a server that is honest, and against ones that lie: each lie is found."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from patchbay_conformance.receiver import Receiver
from patchbay_conformance.row import Result
from patchbay_conformance.rows import ROWS
from patchbay_conformance.run import chosen, run
from patchbay_conformance.target import Paths, Target
from patchbay_conformance.verdict import Outcome
from tests.conformance.stand_in import KEY, StandIn, serving

ONLY = (
    "create.fields.twilio",
    "create.details.twilio",
    "create.no-secrets.twilio",
    "read.get",
    "read.unknown",
    "errors.unknown-field",
    "errors.unauthorized",
    "ended.customer-busy.twilio",
    "order.*.twilio",
    "forged.*.twilio",
    "messages.chosen",
    "messages.one-report",
    "messages.report-last",
    "messages.reason",
    "killed.*",
)
WITHOUT = ("forged.socket.twilio", "order.stranger.twilio", "forged.arrival.twilio")
"""It has none of these."""

LIES = {
    # what it does: rows that must fail by it
    "wrong status": {"create.fields.twilio"},
    "shows secrets": {"create.no-secrets.twilio"},
    "errors of its own": {"read.unknown", "errors.unknown-field", "errors.unauthorized"},
    "needs no key": {"errors.unauthorized"},
    "takes the unsigned": {"forged.no-signature.twilio", "forged.an-empty-signature.twilio"},
    "goes back": {"order.backwards.twilio", "order.never-back.twilio", "order.late.twilio"},
    "changes its mind": {"order.late.twilio", "messages.one-report", "messages.reason"},
    "reports first": {"messages.report-last"},
    "reports twice": {"messages.one-report"},
    "never reports": {"messages.one-report", "messages.chosen"},
}


def asked(server: StandIn, only: Sequence[str] = ONLY) -> list[Result]:
    """With little patience: what the stand-in does, it has done when it answers."""
    target = Target(
        url=server.url,
        key=KEY,
        public_url=server.url,
        assistant={"name": "x"},
        paths={"twilio": Paths("", ""), "vonage": Paths("", "")},
        without=frozenset({"vonage"}),
        patience=0.2,
    )
    return run(target, chosen(ROWS, only, WITHOUT), Receiver())


def failed(results: Sequence[Result]) -> dict[str, str]:
    return {each.row.id: each.reason for each in results if each.outcome is Outcome.FAILED}


def test_an_honest_server_passes() -> None:
    with serving() as server:
        results = asked(server)
    assert failed(results) == {}
    assert sum(each.outcome is Outcome.PASSED for each in results) > 25
    assert server.calls == {}, "the calls of the run are deleted"


def test_what_cannot_be_asked_is_not_passed() -> None:
    with serving() as server:
        results = asked(server, ["killed.*", "status.progress.vonage", "ended.models"])
    assert {each.outcome for each in results} == {Outcome.NOT_ASKED}
    assert all(each.reason for each in results)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found(lie: str) -> None:
    with serving(lie) as server:
        found = failed(asked(server))
    assert LIES[lie] <= found.keys(), found
