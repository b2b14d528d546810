"""Server messages: their shape and order, once each, and again for a server that failed.

https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from patchbay_conformance.receiver import Received, Receiver
from patchbay_conformance.row import Phase, Row, for_carriers
from patchbay_conformance.verdict import expect, same
from patchbay_conformance.world import REPORT, Call, World

ORDER = ("queued", "ringing", "in-progress", "ended")
ENDED = "status-update:ended"
PLAN = {"type": "fixed", "maxRetries": 5, "baseDelaySeconds": 0}
FAILURES = 2
AROUND_SECONDS = 2.0
"""What came so near to the server's end may come again: its success was not stored yet."""


def whole(world: World, name: str) -> None:
    """A whole call: its messages in the order of its statuses, the report last."""
    carrier = world.carrier(name)
    hears = world.hears
    call, leg, _, socket = world.joined(carrier)
    socket.hang_up()
    world.say(carrier, call, leg, "completed", disconnected_by="user")
    world.report(call)
    kinds = [each.kind for each in hears.of(call["id"])]
    same("the messages", kinds, [*(f"status-update:{each}" for each in ORDER), REPORT])


def shape(world: World) -> None:
    hears = world.hears
    call = _busy(world)
    report = world.report(call)
    messages = [each.message for each in hears.of(call["id"])]
    for message in messages:
        expect(isinstance(message.get("timestamp"), int | float), "timestamp is no number")
        about = message.get("call") or {}
        for field in ("orgId", "createdAt", "phoneCallProvider", "phoneNumberId"):
            same(f"message.call.{field}", about.get(field), call.get(field))
    same("endedReason of the report", report.get("endedReason"), "customer-busy")
    ended = next(each for each in messages if each.get("status") == "ended")
    same("endedReason of the status update", ended.get("endedReason"), "customer-busy")
    for field in ("artifact", "customer"):
        expect(isinstance(report.get(field), Mapping), f"the report has no {field}")


def _busy(world: World, server: Mapping[str, Any] | None = None, **fields: Any) -> Call:
    carrier = world.carrier("twilio")
    leg = carrier.new_leg()
    server = {"server": dict(server)} if server else {}
    call = world.create(carrier, leg, assistant=world.assistant(**server, **fields))
    world.say(carrier, call, leg, "announced", "ringing", "busy")
    world.ended(call, "customer-busy")
    return call


def chosen(world: World) -> None:
    """``serverMessages`` selects: a call that wants the report alone gets nothing else."""
    hears = world.hears
    call = _busy(world, serverMessages=[REPORT])
    world.report(call)
    same("the messages", [each.kind for each in hears.of(call["id"])], [REPORT])


def secret(world: World) -> None:
    hears, value = world.hears, f"secret-{uuid4().hex}"
    call = _busy(world, {"url": hears.url("all"), "secret": value})
    world.report(call)
    for each in hears.of(call["id"]):
        expect(each.headers.get("x-vapi-secret") == value, f"{each.kind} has another x-vapi-secret")
    shown = world.ask("GET", f"/call/{call['id']}").text
    expect(value not in shown, "GET /call/{id} shows the server's secret")


def again(world: World) -> None:
    """The report fails twice, and comes a third time; then no more."""
    hears, failures = world.hears, itertools.count()

    def reply(message: Mapping[str, Any]) -> tuple[int, Any]:
        failing = message.get("type") == REPORT and next(failures) < FAILURES
        return (500 if failing else 200), {}

    call = _busy(world, {"url": world.reply("failing", reply), "backoffPlan": PLAN})
    world.refused.add(str(call["id"]))
    world.report(call)
    came = [each for each in hears.of(call["id"]) if each.kind == REPORT]
    same("the answers that the report got", [each.status for each in came], [500, 500, 200])
    same("the number of the report's ids", len({each.id for each in came}), 1)
    bodies = [each.message for each in came]
    expect(all(each == bodies[0] for each in bodies), "a repetition has another body")


# ------------------------------------------------------------------ all calls of the run


def ended_calls(hears: Receiver) -> dict[str, list[Received]]:
    """Messages by call, of those that ended."""
    found = defaultdict[str, list[Received]](list)
    for each in hears.all():
        if each.call_id and each.kind != "assistant-request":
            found[each.call_id].append(each)
    return {
        call: messages
        for call, messages in found.items()
        if any(each.kind == ENDED for each in messages)
    }


def of_all(check: Callable[[World, str, list[Received]], None]) -> Callable[[World], None]:
    """Hold for each call that ended in this run."""

    def checked(world: World) -> None:
        calls = ended_calls(world.hears)
        expect(calls, "no call of this run ended with messages")
        for call, messages in calls.items():
            check(world, call, messages)

    return checked


def may_repeat(world: World, first: Received) -> bool:
    """Whether a second copy of this message, under the same id, is right."""
    near = any(abs(first.at - end) < AROUND_SECONDS for end in world.ends)
    return near or (first.call_id in world.refused and first.kind == REPORT)


def one_report(world: World, call: str, messages: list[Received]) -> None:
    """One id, and one delivery unless the server or the receiver has failed."""
    wanted = world.target.patience
    if not any(each.kind == REPORT for each in messages):
        world.hears.until(
            lambda all: any(m.call_id == call and m.kind == REPORT for m in all), wanted
        )
    reports = [each for each in world.hears.of(call) if each.kind == REPORT]
    expect(reports, f"call {call} ended, and no report came within {wanted:g} s")
    same(f"the number of ids of call {call}'s report", len({each.id for each in reports}), 1)
    if not may_repeat(world, reports[0]):
        same(f"the number of call {call}'s reports", len(reports), 1)


def report_last(world: World, call: str, messages: list[Received]) -> None:
    kinds = [each.kind for each in messages]
    if REPORT in kinds:
        expect(kinds.index(ENDED) < kinds.index(REPORT), f"call {call}: the report is before ended")


def statuses_once(world: World, call: str, messages: list[Received]) -> None:
    """``in-progress`` may come again after a transfer that failed; the others may not."""
    for status in ("queued", "ringing", "ended"):
        came = [each for each in messages if each.kind == f"status-update:{status}"]
        if came and not may_repeat(world, came[0]):
            same(f"call {call}: messages of {status}", len(came), 1)
        expect(len({each.id for each in came}) <= 1, f"call {call}: {status} has several ids")


def statuses_rise(world: World, call: str, messages: list[Received]) -> None:
    first = dict[str, int]()
    for index, each in enumerate(messages):
        first.setdefault(each.kind.partition(":")[2], index)
    came = [first[status] for status in ORDER if status in first]
    expect(came == sorted(came), f"call {call}: the statuses came as {[m.kind for m in messages]}")


def same_reason(world: World, call: str, messages: list[Received]) -> None:
    """The frozen reason is the report's, the call's, and stays so."""
    reports = [each.message for each in messages if each.kind == REPORT]
    answer = world.ask("GET", f"/call/{call}")
    if reports and answer.ok:  # a row about deletion has deleted its call
        now = answer.json()
        same(f"endedReason of call {call}", now.get("endedReason"), reports[0].get("endedReason"))


ROWS: list[Row] = [
    *for_carriers(
        "messages.order",
        "status-update for each status in its order, then one end-of-call-report",
        "a whole call with a media socket",
        whole,
    ),
    Row(
        "messages.shape",
        "message has type, timestamp, call; the report endedReason, artifact, customer",
        "a busy leg",
        shape,
    ),
    Row("messages.chosen", "serverMessages selects the types", "a busy leg", chosen),
    Row(
        "messages.secret",
        "server.secret is sent as x-vapi-secret, and shown nowhere",
        "a busy leg",
        secret,
    ),
    Row(
        "messages.again",
        "backoffPlan: a report that failed comes again, the same, until it is taken",
        f"a server that answers the report with 500 {FAILURES} times",
        again,
    ),
    Row(
        "messages.one-report",
        "each call has one end-of-call-report",
        "all calls of this run",
        of_all(one_report),
        Phase.LAST,
    ),
    Row(
        "messages.report-last",
        "the report comes after the status ended",
        "all calls of this run",
        of_all(report_last),
        Phase.LAST,
    ),
    Row(
        "messages.statuses-once",
        "a status is told once",
        "all calls of this run",
        of_all(statuses_once),
        Phase.LAST,
    ),
    Row(
        "messages.statuses-rise",
        "the statuses are told in their order",
        "all calls of this run",
        of_all(statuses_rise),
        Phase.LAST,
    ),
    Row(
        "messages.reason",
        "the report's endedReason is the call's, for good",
        "all calls of this run",
        of_all(same_reason),
        Phase.LAST,
    ),
]
