"""What a carrier is told to do with a leg: the URLs and tokens of a document, and the way back.

A fresh document has a fresh media token (single use) and a fresh callback token (valid for the
call's life). Both are random and stored as digests; in clear they stand only, sealed, where the
same document may have to be answered once more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.store import calls
from app.store.vault import digest, new_token
from providers.base.carrier import Carrier
from providers.base.instructions import Connect, HangUp, Instruction, MachineDetection, Return
from providers.base.webhook import HookKind
from providers.events import CallStatus

_PRINTABLE = re.compile(r"[!-~]+")

MEDIA = "media"
CALLBACK = "callback"
JOIN_GRACE_SECONDS = 30.0
DIALLING_SECONDS = 150.0
"""From the creation of a call we dial to its answer: a carrier that is busy, a phone that rings."""


def new_tokens() -> dict[str, str]:
    """A media and a callback token, not kept yet."""
    return {MEDIA: new_token(), CALLBACK: new_token()}


def save_tokens(tx: CallTx, tokens: Mapping[str, str]) -> None:
    """From now on they open this call's socket and callbacks.

    A media token is good until a leg that is here must have joined (and somewhat longer, so that
    the timer decides and not the token), or until a leg that is awaited must have arrived.
    """
    now = tx.context.now()
    settings = tx.context.settings
    if len(settings.media_bases) > 1:
        tx.context.presence.refresh(tx.conn, now)  # a process may have said just now that it stops
    patience = settings.bypass_ttl_seconds if tx.call.bypass else DIALLING_SECONDS
    awaited = patience if tx.call.status == CallStatus.QUEUED else 0.0
    seconds = awaited + settings.join_timeout_seconds + JOIN_GRACE_SECONDS
    expiry = {MEDIA: now + timedelta(seconds=seconds), CALLBACK: None}
    calls.insert_tokens(
        tx.conn,
        [
            {
                "digest": digest(tokens[purpose]),
                "call_id": tx.call.id,
                "purpose": purpose,
                "created_at": now,
                "expires_at": expires_at,
            }
            for purpose, expires_at in expiry.items()
        ],
    )


def connect(context: Context, call: Call, tokens: Mapping[str, str]) -> Connect:
    """The instruction that puts the assistant into the leg."""
    provider = context.providers[call.provider]
    callback = tokens[CALLBACK]
    # Only a leg's first document begins a recording: one that is put back is being recorded.
    begins_recording = call.facts.recorded and call.started_at is None
    return Connect(
        call_id=call.id,
        media_url=f"{context.presence.media_base(tokens[MEDIA])}/media/{provider.name}/{tokens[MEDIA]}",
        stream_url=hook_url(context, provider, HookKind.STREAM, callback),
        continue_url=hook_url(context, provider, HookKind.CONTINUE, callback),
        number=call.facts.number,
        recording_url=hook_url(context, provider, HookKind.RECORDING, callback)
        if begins_recording
        else None,
    )


def machine_detection(
    context: Context, call: Call, tokens: Mapping[str, str]
) -> MachineDetection | None:
    """Answering machine detection of a leg that is dialled, when the assistant asks for it."""
    policy = call.facts.assistant.voicemail.policy
    if policy is None:
        return None
    url = hook_url(context, context.providers[call.provider], HookKind.MACHINE, tokens[CALLBACK])
    return replace(policy.detection, url=url)


def hook_url(context: Context, carrier: Carrier, kind: HookKind, token: str) -> str:
    """Our URL of this kind with a call's token; a carrier that has no such URL uses its status URL."""
    paths = {hook.kind: hook.path for hook in carrier.hooks if "<token>" in hook.path}
    path = paths.get(kind, paths.get(HookKind.STATUS, ""))
    return context.settings.public_url + path.replace("<token>", token)


def return_leg(call: Call) -> list[Instruction]:
    """The leg goes back to where it came from, with the outcome; without a way back it ends."""
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
    """Why a leg may not be sent there; None when it may. Only known hosts: a leg is money."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for one that is no number
    except ValueError:
        return "phoneCallProviderReturnUrl must be a URL"
    if not _PRINTABLE.fullmatch(url):
        return "phoneCallProviderReturnUrl must be plain ASCII without spaces"
    host = parts.hostname or ""
    allowed = context.settings.allowed_return_hosts | carrier.return_hosts
    if context.settings.development and host in {"localhost", "127.0.0.1"}:
        return None  # the owner's server runs beside us
    if parts.scheme != "https":
        return "phoneCallProviderReturnUrl must be an https URL"
    if host not in allowed or parts.username or parts.fragment:
        return (
            f"phoneCallProviderReturnUrl host {host!r} is not allowed: "
            "add it to the setting ALLOWED_RETURN_HOSTS"
        )
    return None
