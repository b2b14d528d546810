"""The table of fail-points: the steps of a call, and the places before and after each of them.

``python -m bench.crash`` kills the program at every one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

CARRIER = "carrier"
"""The owner of a step that is a method of every carrier's REST client."""


class Step(NamedTuple):
    """One function of the program. ``error`` and ``timeout`` raise what its caller expects."""

    target: str
    """``module:function`` or ``module:Class.method``."""
    does: str
    """What it does, without a subject."""
    fault: str = "store"
    """Which kind of error it may raise: see ``faults.py``."""
    commits: bool = True
    """Whether it writes to the database, so that there are places around its commit."""


_MEDIA = "app.domain.services.media:MediaService"
_TALK = "app.domain.services.operator_media:OperatorMedia"

STEPS: Mapping[str, Step] = {
    "create": Step("app.domain.services.calls:CallService.create", "creates a call for the API"),
    "callback": Step(
        "app.domain.services.webhooks:LegService.handle", "stores a carrier's webhook"
    ),
    "assistant-reply": Step(
        "app.domain.legs.assistant_request:AssistantRequests.settle",
        "asks a server for an assistant, and stores its reply",
    ),
    "schedule": Step("app.domain.legs.scheduled:run", "lets a scheduled call be dialled"),
    "dial-note": Step(
        "app.domain.legs.outbound:_begin", "notes that the carrier will be asked to dial"
    ),
    "dial-request": Step(f"{CARRIER}:dial", "asks the carrier to dial", CARRIER, commits=False),
    "dial-answer": Step("app.domain.legs.outbound:_accepted", "stores the leg that was dialled"),
    "dial-failure": Step(
        "app.domain.legs.outbound:_failed", "stores that the carrier did not dial"
    ),
    "operator-note": Step(
        "app.domain.legs.operator_call:_begin", "notes that the carrier will dial an operator"
    ),
    "operator-request": Step(
        f"{CARRIER}:dial_operator", "asks the carrier to dial an operator", CARRIER, commits=False
    ),
    "operator-answer": Step("app.domain.legs.operator_call:_accepted", "stores the operator's leg"),
    "operator-failure": Step(
        "app.domain.legs.operator_call:_refused", "stores that no operator was dialled"
    ),
    "operator-callback": Step(
        "app.domain.legs.operator:handle", "handles a webhook of an operator's leg", commits=False
    ),
    "transfer-step": Step(
        "app.domain.legs.operator_call:watch", "ends a transfer whose step takes too long"
    ),
    "talk-joined": Step(
        f"{_TALK}.joined", "stores that a transfer assistant talks with the operator"
    ),
    "talk-end": Step(f"{_TALK}.request_end", "stores how a transfer assistant has decided"),
    "talk-lost": Step(f"{_TALK}.lost", "stores that an operator's media socket is lost"),
    "back-request": Step(
        f"{CARRIER}:replace_document",
        "takes a caller out of the room of a transfer",
        CARRIER,
        False,
    ),
    "find-request": Step(
        f"{CARRIER}:find_placed", "asks the carrier for a leg without a name", CARRIER, False
    ),
    "fetch-request": Step(
        f"{CARRIER}:fetch", "asks the carrier about a quiet call", CARRIER, False
    ),
    "hang-up-request": Step(f"{CARRIER}:hang_up", "hangs up by the carrier's API", CARRIER, False),
    "reconcile": Step(
        "app.domain.legs.reconcile:run", "asks the carrier about a call, and stores its answer"
    ),
    "timer": Step("app.domain.calls.timers:fire_due", "fires a call's timer"),
    "delivery-request": Step(
        "app.delivery.sender:post_signed", "sends a server message", "receiver", commits=False
    ),
    "delivery-lease": Step(
        "app.delivery.dispatcher:Dispatcher._leased", "leases the messages that are due"
    ),
    "delivery-result": Step(
        "app.delivery.dispatcher:Dispatcher._store_results", "stores the results of deliveries"
    ),
    "media-claim": Step(f"{_MEDIA}.claim", "lets a media socket in"),
    "media-joined": Step(f"{_MEDIA}.joined", "stores that the assistant has joined"),
    "media-stopped": Step(f"{_MEDIA}.stopped", "stores that the carrier has stopped the audio"),
    "media-lost": Step(f"{_MEDIA}.lost", "stores that a media socket is lost or handed over"),
    "media-end": Step(f"{_MEDIA}.request_end", "stores our decision to end a call"),
    "drain": Step(
        "app.media.drain:Drain.run", "waits for the calls of a stopping process", "other", False
    ),
    "hand-over": Step(
        "app.media.drain:Drain._end_all", "closes the sockets of a stopping process", "other", False
    ),
    "deregister": Step(f"{_MEDIA}.deregister", "removes a stopping process from the registry"),
}
"""The steps of creation, callback, dialling, timer, delivery, media and hand-over."""

BEFORE, BEFORE_COMMIT = "before", "before-commit"
AFTER_COMMIT, AFTER = "after-commit", "after"
PLACES: Mapping[str, str] = {
    BEFORE: "before it begins",
    BEFORE_COMMIT: "before the commit of what it has written",
    AFTER_COMMIT: "after that commit",
    AFTER: "once it is done, and before its caller goes on",
}


def places(step: str) -> tuple[str, ...]:
    """The places of a step, in their order."""
    return tuple(PLACES) if STEPS[step].commits else (BEFORE, AFTER)


POINTS: Mapping[str, str] = {
    f"{step}.{place}": f"{STEPS[step].does[0].upper()}{STEPS[step].does[1:]}: {PLACES[place]}."
    for step in STEPS
    for place in places(step)
}
"""Every fail-point, with a sentence."""
