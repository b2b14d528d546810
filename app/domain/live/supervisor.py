"""A supervisor on a live call: who may be one, where they speak, and when they have the call.

Our own extension beside Vapi's live call control. The control messages ``take-over`` and
``give-back`` are in ``control.py`` with the others.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from app.domain.calls import apply, record
from app.domain.calls.facts import MonitorEndpoint
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context, iso
from app.domain.errors import Invalid
from app.domain.live import control
from app.domain.live.control import GIVE_BACK, TAKE_OVER
from app.store.ids import new_id
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import Refused
from providers.events import CallEvent, CallStatus, EventKind

TAKE_OVERS = frozenset({TAKE_OVER, GIVE_BACK})
OPEN_SECONDS = 60
"""How long the URL of a supervisor's socket may be opened. An open socket stays open."""


def supervisor_socket(context: Context, call: Call) -> JsonDict:
    """Where a supervisor who may act speaks: ``websocketUrl``, and ``expiresAt``.

    Raises ``Invalid`` for a call on which no supervisor can speak.
    """
    if call.status != CallStatus.IN_PROGRESS:
        raise Invalid(f"a supervisor needs a call in progress: its status is {call.status}")
    if problem := control.no_supervisor(context, call):
        raise Invalid(problem)
    until = context.now() + timedelta(seconds=OPEN_SECONDS)
    expires = int(until.timestamp())
    base = context.settings.own_media_base or context.settings.media_bases[0]
    token = context.vault.sign(_scope(call.id, expires))
    query = urlencode({"expires": expires, "token": token})
    url = f"{base}/supervise/{call.id}?{query}"
    return {"websocketUrl": url, "expiresAt": iso(until)}


def find(context: Context, call_id: str, token: str, expires: str) -> MonitorEndpoint | None:
    """The media hub with the call's audio; None if not in progress. Raises ``Refused``."""
    in_time = expires.isascii() and expires.isdigit() and len(expires) < 12
    if not in_time or int(expires) < context.now().timestamp():
        raise Refused("the supervisor's URL is older than a minute")
    if not context.vault.is_signed(_scope(call_id, int(expires)), token):
        raise Refused("the supervisor's token is not this call's")
    with context.store.read() as conn:
        call = record.get(conn, call_id)
    if call is None or control.no_supervisor(context, call):
        raise Refused("no supervisor can speak on this call")
    return call.facts.heard_at if call.status == CallStatus.IN_PROGRESS else None


def may_tell(tx: CallTx, stream: str) -> bool:
    """Whether this socket still tells who has the call. Its word may have waited for the store.

    Meanwhile the call may have been transferred, or have got another socket.
    """
    state = apply.state_of(tx)
    return state.status is CallStatus.IN_PROGRESS and state.streams[-1:] == (stream,)


def note(tx: CallTx, stream: str | None, *, taken: bool, cause: str) -> None:
    """Store that a supervisor has the call, or has it no more. ``cause``: a word of why."""
    if tx.call.facts.taken_over is taken:
        return
    told: JsonObject = {"cause": cause}
    event = CallEvent(
        EventKind.TAKEN_OVER if taken else EventKind.GIVEN_BACK,
        at=tx.context.now(),
        key=f"supervisor:{new_id()}",
        stream=stream,
        data=told,
    )
    apply.apply_events(tx, [event], {"facts": tx.call.facts._replace(taken_over=taken)})


def _scope(call_id: str, expires: int) -> str:
    """What the token of a supervisor's URL signs: this call, until this time."""
    return f"supervise {call_id} {expires}"
