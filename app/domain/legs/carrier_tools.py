"""What an assistant's tools ask of the carrier beside calls: keys and text messages.

Each is a request to the carrier's API, outside of any transaction, and is sent once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from app.domain.calls import record
from app.domain.calls.carrier_client import client_of
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.legs import destinations, dial_limit
from app.store import accounts
from app.store.again import one_transaction
from app.store.vault import WrongKey
from providers.base.rest import CarrierClient
from providers.common.e164 import E164
from providers.errors import CarrierError, NotConfigured

NO_ACCOUNT = "the call's carrier account was deleted"
NO_CARRIER = "a call from a browser has no carrier that could send a text message"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A text message. Without ``to`` it goes to the customer, without ``from_`` from our number."""

    text: str
    to: str | None = None
    from_: str | None = None


class _Impossible(Exception):
    """The message cannot be sent; the text says why."""


def press_keys(context: Context, call_id: str, keys: str) -> bool:
    """Whether the carrier played the keys to the call's leg.

    Raises ``CarrierError`` where it may have played them.
    """
    with context.store.read() as conn:
        call = record.get(conn, call_id)
        client = _client(context, conn, call) if call is not None else None
    if call is None or client is None or call.facts.leg_ref is None:
        return False
    try:
        return client.press_keys(call.facts.leg_ref, keys, api_url=call.facts.api_url)
    except NotConfigured:
        return False
    except CarrierError as error:
        if not error.permanent:
            raise
        log.warning("call %s: keys are sent in the sound: %s", call_id, error)
        return False


def send_text(context: Context, call_id: str, message: TextMessage) -> str | None:
    """Send a text message. Returns why not, as a sentence; None on success."""
    try:
        client, to, from_ = _prepare(context, call_id, message)
        client.send_text(to, from_, message.text)
    except (_Impossible, CarrierError, NotConfigured) as error:
        return str(error)
    return None


@one_transaction
def _prepare(
    context: Context, call_id: str, message: TextMessage
) -> tuple[CarrierClient, str, str]:
    """The client and both numbers, checked and counted. Raises ``_Impossible``."""
    with context.store.write() as conn:
        call = record.get(conn, call_id, lock=True)
        client = _client(context, conn, call) if call is not None else None
        if call is not None and not context.providers[call.provider].phone:
            raise _Impossible(NO_CARRIER)
        if call is None or client is None:
            raise _Impossible(NO_ACCOUNT)
        to, from_ = _parties(call, message)
        own = {call.facts.number, *accounts.org_numbers(conn, call.org_id)}
        known = {number for number in own if number}
        if from_ not in known:
            raise _Impossible(f"{from_} is no number of the organisation")
        problem = destinations.number_problem(context.settings, to, known)
        tx = CallTx(context, conn, call)
        problem = problem or dial_limit.text_problem(tx, {"number": to})
        if problem:
            raise _Impossible(problem)
    return client, to, from_


def _parties(call: Call, message: TextMessage) -> tuple[str, str]:
    to = message.to or call.facts.customer.get("number")
    from_ = message.from_ or call.facts.number
    if not isinstance(to, str) or not E164.fullmatch(to):
        raise _Impossible("the number to send to must be in the E.164 format")
    if not from_:
        raise _Impossible("the call has no number to send from")
    return to, from_


def _client(context: Context, conn: Connection, call: Call) -> CarrierClient | None:
    """The API of the call's account; None if the account is gone, or cannot be opened."""
    credential = accounts.get_credential(conn, call.credential_id)
    if credential is None:
        return None
    try:
        return client_of(context, call, credential)
    except (NotConfigured, WrongKey) as error:
        log.warning("call %s: the carrier's API cannot be used: %s", call.id, error)
        return None
