"""The instructions for a leg: the URLs and tokens of a document, and the return to the flow.

A document has a media token (for one use) and a callback token (for the whole call).
Both are derived from the request that it answers (``tokens.py``).
So the same request gets the same document, without a row.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection

from app.domain.assistant import carrier_speech
from app.domain.calls import tokens
from app.domain.calls.record import Call, CallTx
from app.domain.calls.tokens import DocumentTokens
from app.domain.context import Context
from app.store import events
from app.store.ids import new_id
from providers.base.carrier import Carrier
from providers.base.instructions import Connect, HangUp, Instruction, MachineDetection, Return
from providers.base.webhook import HookKind
from providers.events import CallStatus, EndedReason

_PRINTABLE = re.compile(r"[!-~]+")

MAX_URL = 2000
LONGEST_OUTCOME = {
    "vapiCallId": "0" * 36,
    "vapiStatus": max(CallStatus, key=len),
    "vapiEndedReason": max(EndedReason, key=len),
}
JOIN_GRACE_SECONDS = 30.0
"""A media token expires so long after the time in which its leg's socket must join.

So the call's timer runs out before the token.
"""
DIALLING_SECONDS = 150.0
"""The time for the carrier to dial and the phone to ring, after the call is created or due."""


def first_tokens(context: Context, call: Call) -> DocumentTokens:
    """The tokens of the document that is made with a call, before its leg is there."""
    settings = context.settings
    patience = settings.bypass_ttl_seconds if call.bypass else DIALLING_SECONDS
    seconds = patience + settings.join_timeout_seconds + JOIN_GRACE_SECONDS
    begins = call.facts.due_at or call.created_at
    return tokens.document_tokens(
        context.vault, call.id, "created", begins + timedelta(seconds=seconds)
    )


def tokens_for(
    tx: CallTx, request: str | None, received_at: datetime | None = None
) -> DocumentTokens:
    """The tokens of the document that answers a request of a leg.

    ``request`` is the key of the request's event: its repeats get the same tokens.
    None: the carrier marks no repeats, and each request gets new tokens.
    ``received_at`` is the stored time of this event, if the caller knows it.
    """
    refresh_media(tx.context, tx.conn)
    if received_at is None and request is not None:
        received_at = events.received_at(tx.conn, tx.call.id, request)
    seconds = tx.context.settings.join_timeout_seconds + JOIN_GRACE_SECONDS
    expires_at = (received_at or tx.context.now()) + timedelta(seconds=seconds)
    return tokens.document_tokens(tx.context.vault, tx.call.id, request or new_id(), expires_at)


def refresh_media(context: Context, conn: Connection) -> None:
    """Learn which processes take media sockets: one may have begun to drain just now."""
    if len(context.settings.media_bases) > 1:
        context.presence.refresh(conn, context.now())


def connect(context: Context, call: Call, given: DocumentTokens) -> Connect:
    """The instruction that connects the leg to the assistant."""
    provider = context.providers[call.provider]
    callback = given.callback
    # Only a leg's first document starts a recording: a reattached leg is recorded already.
    begins_recording = call.facts.recorded and call.started_at is None
    return Connect(
        call_id=call.id,
        media_url=f"{context.presence.media_base(given.media)}/media/{provider.name}/{given.media}",
        stream_url=hook_url(context, provider, HookKind.STREAM, callback),
        continue_url=hook_url(context, provider, HookKind.CONTINUE, callback),
        number=call.facts.number,
        recording_url=hook_url(context, provider, HookKind.RECORDING, callback)
        if begins_recording
        else None,
        speech=carrier_speech.wanted(call.facts.assistant, provider),
    )


def connect_operator(
    context: Context, call: Call, forward_id: str, answered_at: datetime
) -> Connect:
    """The instruction that connects the leg of a forward's operator to its transfer assistant.

    The same arguments give the same tokens: a repeated request gets the same document.
    """
    provider = context.providers[call.provider]
    seconds = context.settings.join_timeout_seconds + JOIN_GRACE_SECONDS
    expires_at = answered_at + timedelta(seconds=seconds)
    media = tokens.operator_token(context.vault, call.id, forward_id, expires_at)
    callback = tokens.forward_token(context.vault, call.id, forward_id)
    url = hook_url(context, provider, HookKind.TALKED, callback)
    return Connect(
        call_id=call.id,
        media_url=f"{context.presence.media_base(media)}/media/{provider.name}/{media}",
        stream_url=url,
        continue_url=url,
        number=call.facts.number,
    )


def machine_detection(
    context: Context, call: Call, given: DocumentTokens
) -> MachineDetection | None:
    """Machine detection for an outbound leg, if the assistant's configuration asks for it."""
    policy = call.facts.assistant.voicemail.policy
    if policy is None:
        return None
    url = hook_url(context, context.providers[call.provider], HookKind.MACHINE, given.callback)
    return replace(policy.detection, url=url)


def hook_url(context: Context, carrier: Carrier, kind: HookKind, token: str) -> str:
    """Our webhook URL of this kind, with a call's token.

    A carrier without a webhook of this kind uses its status URL.
    """
    return context.settings.public_url + _hook_path(carrier, kind).replace("<token>", token)


@lru_cache
def _hook_path(carrier: Carrier, kind: HookKind) -> str:
    """The path of this webhook, with ``<token>``."""
    paths = {hook.kind: hook.path for hook in carrier.hooks if "<token>" in hook.path}
    return paths.get(kind, paths.get(HookKind.STATUS, ""))


def return_leg(call: Call) -> list[Instruction]:
    """Return the leg to its flow, with the outcome. Without a return URL the leg is hung up."""
    url = call.body.get("phoneCallProviderReturnUrl")
    if not url:
        return [HangUp()]
    outcome = {
        "vapiCallId": call.id,
        "vapiStatus": str(call.status),
        "vapiEndedReason": str(call.ended_reason or ""),
    }
    return [Return(url, outcome)]


def return_url_problem(context: Context, carrier: Carrier, url: str) -> str | None:
    """Why a leg may not go to this URL, as a sentence for the client; None when it may.

    Only listed hosts are allowed, because a leg costs money.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError when the port is not a number
    except ValueError:
        return "phoneCallProviderReturnUrl must be a URL"
    if not _PRINTABLE.fullmatch(url):
        return "phoneCallProviderReturnUrl must be plain ASCII without spaces"
    host = parts.hostname or ""
    allowed = context.settings.allowed_return_hosts | carrier.return_hosts
    if context.settings.development and host in {"localhost", "127.0.0.1"}:
        return None  # in development the flow's server runs on the same machine
    if parts.scheme != "https":
        return "phoneCallProviderReturnUrl must be an https URL"
    if host not in allowed or parts.username or parts.fragment:
        return (
            f"phoneCallProviderReturnUrl host {host!r} is not allowed: "
            "add it to the setting ALLOWED_RETURN_HOSTS"
        )
    return _markup_problem(carrier, url)


def _markup_problem(carrier: Carrier, url: str) -> str | None:
    """Why the carrier's markup cannot hold this return URL with the longest outcome."""
    if len(url) > MAX_URL:
        return f"phoneCallProviderReturnUrl must be shorter than or equal to {MAX_URL} characters"
    try:
        carrier.markup.answer([Return(url, LONGEST_OUTCOME)])
    except ValueError as error:
        return f"phoneCallProviderReturnUrl does not fit into the carrier's markup: {error}"
    return None
