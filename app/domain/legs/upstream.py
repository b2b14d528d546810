"""Makes the call at the upstream that answers a media socket, and finds its stream.

https://docs.vapi.ai/calls/call-handling-with-vapi-and-twilio
"""

from __future__ import annotations

from dataclasses import dataclass

from app import deadline
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.upstream import BACKEND, Request, account_problem
from app.domain.calls import apply, record
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.legs import transfer, transfer_summary
from app.domain.reporting import live_messages, upstream
from app.domain.reporting.artifact import openai
from app.net.types import Addresses
from app.store import accounts
from app.store.again import one_transaction
from app.vendors.common.account import NO_ACCOUNT, VendorAccounts
from providers.base.carrier import Carrier
from providers.base.rest import Account
from providers.base.stream_client import ServersStream
from providers.common.json_types import JsonObject
from providers.errors import BadRequest
from providers.events import CallStatus

SCOPE = "upstream {}"
"""What the token of the URL for an upstream's messages signs, with the call's id."""


class NoStream(Exception):
    """The upstream has no stream for the call. ``str()`` is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class UpstreamStream:
    """The upstream's call, and the stream to connect to."""

    call_id: str
    """Of the upstream's call."""
    stream: ServersStream
    rule: Addresses | None
    """The policy for the stream's URL. None: the operator's own server has chosen it."""


def messages_url(context: Context, call_id: str) -> str:
    """Where an upstream sends its messages about this call."""
    token = context.vault.sign(SCOPE.format(call_id))
    return f"{context.settings.public_url}/upstream/{call_id}?token={token}"


def opens_messages(context: Context, call_id: str, token: str) -> bool:
    """Whether the token is that of the call's ``messages_url``."""
    return context.vault.is_signed(SCOPE.format(call_id), token)


def open_stream(
    context: Context,
    call_id: str,
    leg: str,
    assistant: AssistantConfig,
    vendors: VendorAccounts,
) -> UpstreamStream:
    """Create the upstream's call. Blocks; never within a transaction. Raises ``NoStream``.

    ``leg``: a name for this media socket.
    """
    account = vendors.get(BACKEND, NO_ACCOUNT)
    if problem := account_problem(account, context.settings.public_url):
        raise NoStream(f"The upstream cannot be asked: {problem}.")
    with context.store.read() as conn:
        call = record.get(conn, call_id)
    if call is None:
        raise NoStream("The call was deleted.")
    url = messages_url(context, call_id)
    said = openai(call.body.get("messages", ())) if call.facts.upstreams else ()
    # An assistant that has said nothing yet greets: the caller would wait for it, and it for them.
    request = Request(assistant, account, call_id, call.facts.customer, url, said or None)
    answer = context.upstream.create(account, request.body())
    if answer.error:
        raise NoStream(f"The upstream made no call: {answer.error}.")
    made = str(answer.call["id"])
    with context.store.write() as conn:
        locked = record.get(conn, call_id, lock=True)
        if locked is None or locked.status == CallStatus.ENDED:
            raise NoStream("The call has ended meanwhile.")
        tx = CallTx(context, conn, locked)
        if apply.state_of(tx).streams[-1:] not in ((), (leg,)):  # its upstream is there already
            raise NoStream("The call has another media socket by now.")
        upstream.began(tx, made)
    stream = _stream(context, call, leg, answer.call.get("phoneCallProviderDetails"))
    return UpstreamStream(made, stream, account.rule(context.addresses))


def _stream(context: Context, call: Call, leg: str, details: object) -> ServersStream:
    if not isinstance(details, dict):
        raise NoStream(
            "The upstream's call has no phoneCallProviderDetails: is its number one that may be "
            "used in bypass mode?"
        )
    for carrier in context.providers.values():
        if carrier.open_stream is None:
            continue
        try:
            found = carrier.open_stream(details, _signer(context, call, carrier), leg)
        except BadRequest as error:
            raise NoStream(f"The upstream's document cannot be used: {error}.") from error
        if found is not None:
            return found
    readable = [each.name for each in context.providers.values() if each.open_stream]
    raise NoStream(
        f"The upstream's number must be of one of these carriers: {', '.join(readable)}."
    )


def _signer(context: Context, call: Call, carrier: Carrier) -> Account | None:
    """The account that signs as this carrier: the call's own, else its organisation's newest.

    An upstream that checks signatures knows the same account. Without one nothing is signed.
    """
    with context.store.read() as conn:
        rows = accounts.org_credentials(conn, call.org_id, [carrier.name])
    own = [row for row in rows if row["id"] == call.credential_id]
    return context.account((own or rows)[-1]) if rows else None


def transfer_leg(context: Context, call_id: str, destination: JsonObject) -> str | None:
    """Forward the leg, as the upstream's model has asked for. Returns why not, as a sentence."""
    with deadline.paused():  # the model is asked, in a bound of its own
        summary = transfer_summary.summarise(context, call_id, destination)
    return _transferred(context, call_id, destination, summary)


@one_transaction
def _transferred(
    context: Context, call_id: str, destination: JsonObject, summary: str
) -> str | None:
    with context.store.write() as conn:
        found = record.get(conn, call_id, lock=True)
        if found is None:
            return "the call was deleted"
        tx = CallTx(context, conn, found)
        told = {"request": "forward", "destination": dict(destination)}
        if live_messages.delegate_control(tx, told):
            return None
        try:
            transfer.transfer(tx, destination, None, summary)
        except Invalid as error:
            return str(error)
    return None
