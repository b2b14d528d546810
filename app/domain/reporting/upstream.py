"""What an upstream tells of its call, merged into ours.

Its words become our record, and its end is an event of our log. Our call ends by it once the last
words were played (``app/assistants/upstream.py``): the leg is ours.
https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

from app.domain.assistant import upstream
from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from app.domain.calls import apply
from app.domain.calls.record import Call, CallTx
from app.domain.costs import items as costs
from app.domain.live import control
from app.domain.reporting import no_record, pending, server_messages, upstream_answers
from app.domain.reporting.artifact import ROLES, UPSTREAM
from app.domain.reporting.upstream_answers import awaited, is_open
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallEvent, EventKind

COMMON = frozenset(
    {"type", "timestamp", "call", "phoneNumber", "customer", "assistant", "squad", "artifact"}
)
"""Fields that every message has. Ours replace them."""
EARLIER = "earlierTalk"
"""Key of the body: ``messages`` and ``transcript`` of the upstream's calls before this one."""
TALK = ("messages", "transcript")
SHOWN = ("recordingUrl", "stereoRecordingUrl", "logUrl")
"""Files at the upstream, which ``artifact.upstream`` names."""
MAX_WORD = 200
MAX_COST = 1e9


def began(tx: CallTx, upstream_id: str) -> None:
    """Store that the upstream has a call for this one. Our report waits for its report."""
    body = dict(tx.call.body)
    if tx.call.facts.upstreams:
        body[EARLIER] = {name: body[name] for name in TALK if name in body}
    body[UPSTREAM] = {"id": upstream_id}
    tx.update(
        body=body,
        facts=tx.call.facts._replace(upstreams=(*tx.call.facts.upstreams, upstream_id)),
    )
    pending.expect(tx, awaited(upstream_id))
    _note(tx, "upstream.created", upstream_id)


def take(tx: CallTx, message: Json, digest: str) -> None:
    """Merge a message that asks nothing. ``digest``: of its text, which is sent again as it is."""
    upstream_id, kind = text_of(object_of(message, "call"), "id"), text_of(message, "type")
    if upstream_id not in tx.call.facts.upstreams:
        return
    if kind == upstream.STATUS:
        _status(tx, upstream_id, message)
    elif kind == upstream.REPORT:
        report(tx, upstream_id, message)
    elif tx.call.settled_at is None and _is_last(tx, upstream_id):
        if kind == upstream.CONVERSATION:
            _merge(tx, _talk(tx, message))
        if kind == upstream.CONVERSATION or kind in upstream.PASSED:
            extra = {name: each for name, each in message.items() if name not in COMMON}
            server_messages.queue(tx, kind, extra, key=f"{kind}:{digest}")


def report(tx: CallTx, upstream_id: str, told: Json) -> None:
    """Merge an end-of-call-report, or the Call that the upstream's API shows. Once."""
    if not is_open(tx.call, upstream_id):
        return
    call, artifact = object_of(told, "call"), object_of(told, "artifact")
    body: JsonDict = {**tx.call.body}
    reason = text_of(told, "endedReason")[:MAX_WORD]
    names = (name for name in SHOWN if text_of(told, name) or text_of(artifact, name))
    files = {name: text_of(told, name) or text_of(artifact, name) for name in names}
    if _is_last(tx, upstream_id):
        body |= _talk(tx, told) | _analysis(body, told, artifact)
        body[UPSTREAM] = {"id": upstream_id, "endedReason": reason or None, **files}
    else:  # what the last one has said, or will say, is of the whole conversation
        body = {**_analysis({}, told, artifact), **body}
    for item in _costs(told, call, upstream_id):
        body |= costs.add(body, item)
    tx.update(body=body, updated_at=tx.context.now())
    _note(tx, "upstream.reported", upstream_id, endedReason=reason)
    no_record.again(tx)
    _resolve(tx, upstream_id)


def give_up(tx: CallTx, upstream_id: str, why: str) -> None:
    """Store that the upstream has no report for us, and send ours without it."""
    if not is_open(tx.call, upstream_id):
        return
    sentence = f"The upstream has sent no report: {why}."
    if _is_last(tx, upstream_id):
        shown = {**object_of(tx.call.body, UPSTREAM), "id": upstream_id, "error": sentence}
        _merge(tx, {UPSTREAM: shown})
    _note(tx, "upstream.silent", upstream_id, error=sentence)
    _resolve(tx, upstream_id)


def _resolve(tx: CallTx, upstream_id: str) -> None:
    """Wait for its report no more. After the last one nothing is asked, and no answer is kept."""
    pending.resolve(tx, awaited(upstream_id))
    if not open_ones(tx.call):
        upstream_answers.forget(tx.conn, tx.call.id)


def open_ones(call: Call) -> list[str]:
    """The ids of its upstream calls without a report."""
    return [each for each in call.facts.upstreams if is_open(call, each)]


def _status(tx: CallTx, upstream_id: str, message: Json) -> None:
    """The end of its call is handed to the relay, which plays the last words first."""
    if message.get("status") != "ended":
        return
    word = text_of(message, "endedReason")[:MAX_WORD]
    told = text_of(object_of(message, "call"), "endedMessage")[:MAX_WORD]
    if _note(tx, "upstream.ended", upstream_id, endedReason=word):
        control.tell_relay(tx, upstream_id, word, told)


def _is_last(tx: CallTx, upstream_id: str) -> bool:
    """Whether it is the call that has the caller, or had it last."""
    return tx.call.facts.upstreams[-1:] == (upstream_id,)


def _merge(tx: CallTx, changes: JsonObject) -> None:
    body = {**tx.call.body, **changes}
    if body != tx.call.body:
        tx.update(body=body, updated_at=tx.context.now())


def _talk(tx: CallTx, told: Json) -> JsonDict:
    """``messages`` and ``transcript``, after those of earlier upstream calls."""
    artifact, before = object_of(told, "artifact"), object_of(tx.call.body, EARLIER)
    found: JsonDict = {}
    said = objects_of(told, "messages") or objects_of(artifact, "messages")
    if messages := [dict(each) for each in said if _is_message(each)]:
        found["messages"] = [*objects_of(before, "messages"), *messages]
    if text := text_of(told, "transcript") or text_of(artifact, "transcript"):
        found["transcript"] = text_of(before, "transcript") + text
    return found


def _is_message(given: Json) -> bool:
    role = given.get("role")
    return isinstance(role, str) and (role not in ROLES or isinstance(given.get("message"), str))


def _analysis(body: JsonObject, told: Json, artifact: Json) -> JsonDict:
    analysis = {**object_of(body, "analysis"), **object_of(told, "analysis")}
    summary = text_of(told, "summary") or text_of(analysis, "summary")
    outputs = {
        **object_of(body, "structuredOutputs"),
        **object_of(artifact, "structuredOutputs"),
    }
    return {
        **({"analysis": analysis} if analysis else {}),
        **({"summary": summary} if summary else {}),
        **({"structuredOutputs": outputs} if outputs else {}),
    }


def _costs(told: Json, call: Json, upstream_id: str) -> list[JsonDict]:
    """Its cost items, each named so that a repeated report replaces them."""
    given = objects_of(told, "costs") or objects_of(call, "costs")
    total = told.get("cost", call.get("cost"))
    if not given and _is_amount(total) and total:
        given = [{"type": "vapi", "cost": total}]
    found = list[JsonDict]()
    for number, item in enumerate(given):
        if isinstance(item.get("type"), str) and _is_amount(item.get("cost")):
            kept = {name: each for name, each in item.items() if name not in ("stream", "told")}
            found.append({**kept, "told": {"leg": f"{upstream_id}:{number}"}})
    return found


def _is_amount(given: object) -> bool:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return False
    return abs(given) < MAX_COST  # neither infinite nor NaN


def _note(tx: CallTx, name: str, upstream_id: str, **data: str) -> bool:
    """Store it. False: it was stored before."""
    event = CallEvent(
        EventKind.NOTE,
        at=tx.context.now(),
        key=f"{name}:{upstream_id}",
        source=upstream.BACKEND,
        data={"note": name, UPSTREAM: upstream_id, **{n: v for n, v in data.items() if v}},
    )
    return bool(apply.apply_report(tx, [event], lambda _: {}).added)
