"""Our answers to a carrier's requests for a document, so that people can read them later.

The usual answer connects the assistant. Made again from its request, it has the same tokens
(``tokens.py``), so nothing is stored. Any other answer is stored as a note.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from app.domain.calls import instructions
from app.domain.calls.record import Call, CallTx
from app.domain.calls.redaction import redacted
from app.domain.context import Context
from app.store import events
from providers.base.instructions import (
    Answer,
    Brief,
    Connect,
    Fetch,
    Forward,
    HangUp,
    Hold,
    Instruction,
    Join,
    Listen,
    Park,
    Play,
    Refer,
    Return,
    Say,
)
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallEvent, EventKind

NOTE = "answer"
"""``data.note`` of such a note. ``data.answers`` is the key of the request's event."""
MOST = 4_000
"""Characters of an answer, as JSON. A longer one is not kept."""
CONNECT = "connect"
KINDS: Mapping[type[Instruction], str] = {
    Connect: CONNECT,
    Forward: "forward",
    Refer: "refer",
    Return: "return",
    Say: "say",
    Hold: "hold",
    HangUp: "hang-up",
    Park: "park",
    Join: "join",
    Play: "play",
    Listen: "listen",
    Brief: "brief",
    Fetch: "fetch",
}
"""Type of an instruction -> its ``type`` in ``raw.instructions``."""
_TYPES: Mapping[str, Callable[..., Instruction]] = {name: kind for kind, name in KINDS.items()}


def keep(tx: CallTx, request: Sequence[CallEvent], answer: Sequence[Instruction]) -> None:
    """Store an answer beside its request's events. The first one of a request holds.

    The words are in ``raw``, which retention clears, and at once for a call without a record.
    """
    if not (request and answer):
        return
    listed = [_dumped(each) for each in answer]
    known = events.has(tx.conn, tx.call.id, request[0].key)  # a full log has not taken it
    if known and len(json.dumps(listed)) <= MOST:
        note = CallEvent(
            EventKind.NOTE,
            tx.context.now(),
            f"{NOTE}:{request[0].key}"[:200],
            data={"note": NOTE, "answers": request[0].key},
            raw={"instructions": listed},
        )
        events.add(tx.conn, tx.call.id, note, tx.context.now())


def is_answer(event: JsonObject) -> bool:
    """Whether an event, as the API shows it, is such a note."""
    return bool(event.get("data", {}).get("note") == NOTE)


def requests(log: Sequence[JsonObject]) -> dict[str, list[JsonDict]]:
    """Key of a request's event -> the parts of its answer. They are empty once they are cleared."""
    found = {key: [{"type": CONNECT}] for key in _connecting(log)}
    for each in log:
        if is_answer(each):
            found[each["data"]["answers"]] = each.get("raw", {}).get("instructions", [])
    return found


def document(
    context: Context, call: Call, request: JsonObject, parts: Iterable[JsonObject]
) -> Answer:
    """The answer as it went to the carrier, with our tokens hidden. Raises ``ValueError``.

    ``request`` is its event, as the API shows it.
    """
    listed = [_loaded(context, call, request, part) for part in parts]
    made = context.providers[call.provider].markup.answer(listed)
    return Answer(redacted(made.body.decode()).encode(), made.content_type, made.status)


def _connecting(log: Iterable[JsonObject]) -> set[str]:
    found = set[str]()
    for each in log:
        data = each.get("data", {})
        if each["kind"] == EventKind.LEG_FETCHED:
            found.add(each["key"])
        elif each["kind"] == EventKind.REATTACHED and "answers" in data and "forward" not in data:
            found.add(data["answers"])
    return found


def _dumped(each: Instruction) -> JsonDict:
    """Without our tokens, which are secret."""
    kind = KINDS[type(each)]
    fields = {} if kind == CONNECT else {k: redacted(v) for k, v in asdict(each).items()}
    return {"type": kind, **fields}


def _loaded(context: Context, call: Call, request: JsonObject, part: JsonObject) -> Instruction:
    fields: dict[str, Any] = {name: value for name, value in part.items() if name != "type"}
    if part["type"] == CONNECT:
        return _connect_again(context, call, request)
    return _TYPES[part["type"]](**fields)


def _connect_again(context: Context, call: Call, request: JsonObject) -> Connect:
    """The instruction that answered this request, with its own tokens."""
    if request["kind"] == EventKind.OPERATOR_ANSWERED:
        answered_at = datetime.fromisoformat(request["at"])
        forward = str(request["data"]["forward"])
        return instructions.connect_operator(context, call, forward, answered_at)
    with context.store.read() as conn:
        given = instructions.tokens_for(CallTx(context, conn, call), request["key"])
    if request["kind"] == EventKind.LEG_FETCHED:
        call = replace(call, started_at=None)  # only the first document may begin a recording
    return instructions.connect(context, call, given)
