"""The instructions for a leg: the URLs and tokens of a document, and the return to the flow.

A new document has a new media token (for one use) and a new callback token (for the whole call).
Both tokens are random. Patchbay stores their digests.
The tokens themselves are stored, sealed, only where a carrier may request the document again.
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
"""The time for the carrier to dial and the phone to ring, from the creation of the call."""


def new_tokens() -> dict[str, str]:
    """A new media token and a new callback token, not stored yet."""
    return {MEDIA: new_token(), CALLBACK: new_token()}


def save_tokens(tx: CallTx, tokens: Mapping[str, str]) -> None:
    """Store the digests of the tokens: from now on they identify the call.

    A media token expires after the time in which the leg must arrive and its socket must join.
    ``JOIN_GRACE_SECONDS`` are added, so that the call's timer runs out before the token.
    """
    now = tx.context.now()
    settings = tx.context.settings
    if len(settings.media_bases) > 1:
        tx.context.presence.refresh(tx.conn, now)  # a process may have begun to drain just now
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
    """The instruction that connects the leg to the assistant."""
    provider = context.providers[call.provider]
    callback = tokens[CALLBACK]
    # Only a leg's first document starts a recording: a reattached leg is recorded already.
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
    """Machine detection for an outbound leg, if the assistant's configuration asks for it."""
    policy = call.facts.assistant.voicemail.policy
    if policy is None:
        return None
    url = hook_url(context, context.providers[call.provider], HookKind.MACHINE, tokens[CALLBACK])
    return replace(policy.detection, url=url)


def hook_url(context: Context, carrier: Carrier, kind: HookKind, token: str) -> str:
    """Our webhook URL of this kind, with a call's token.

    A carrier without a webhook of this kind uses its status URL.
    """
    paths = {hook.kind: hook.path for hook in carrier.hooks if "<token>" in hook.path}
    path = paths.get(kind, paths.get(HookKind.STATUS, ""))
    return context.settings.public_url + path.replace("<token>", token)


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
    return None
