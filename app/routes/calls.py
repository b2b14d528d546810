"""/call: create, list, get, change, delete and control calls; list their events and messages.

https://docs.vapi.ai/api-reference/calls/create
"""

from __future__ import annotations

from functools import partial

from flask import Response, request
from sqlalchemy.engine import Connection

from app.domain.calls import batches, web_calls
from app.domain.calls.idempotency import IdempotentRequest
from app.domain.calls.limits import RateLimit
from app.domain.errors import NotFound
from app.routes.auth import organisation, presented_key, refusal
from app.routes.errors import ApiError
from app.routes.lean_flask import api_key, current_request
from app.routes.operations import IdPath, Operation, Section
from app.routes.pagination import call_filter, call_page
from app.routes.schemas.base import Uuid
from app.routes.schemas.calls import (
    Control,
    ControlQuery,
    CreateCall,
    CreateWebCall,
    ListCalls,
    PageCalls,
    UpdateCall,
)
from app.routes.schemas.responses import (
    Call,
    CallEvent,
    CallPage,
    CreatedCall,
    Explanation,
    ServerMessage,
    SupervisorSocket,
)
from app.routes.validation import reply, services
from app.routes.warnings import template_problems, warned
from providers.common.json_types import JsonDict, JsonObject

IDEMPOTENCY_KEY = "Idempotency-Key"
OWN_PARTS = ("assistant", "assistantOverrides", "squad", "squadOverrides")
"""The parts of a call's body that are judged as an assistant."""
MAX_KEY = 255

blueprint = Section("call", "Phone calls.")

# A section of its own, because the call's control token opens it as well as a key does.
control = Section("control", "Phone calls.", tag="call", scheme="controlToken")


redirect = partial(Operation, "GET", status=302, response={"description": "To the recording."})


class MessagePath(IdPath):
    """One server message of a call."""

    message_id: Uuid


@blueprint.serve(Operation("POST", "/call", "createCall", CreatedCall, status=201, errors=(409,)))
def create(body: CreateCall) -> Response:
    """Create call.

    With customers, a call for each of them. With a header Idempotency-Key, sending the request
    again creates no second call.
    """
    given = body.given()
    if "transport" in given:
        given["type"] = web_calls.WEBSOCKET_CALL
    return _created(given)


@blueprint.serve(
    Operation("POST", "/call/web", "createWebCall", CreatedCall, status=201, errors=(409,))
)
def create_web(body: CreateWebCall) -> Response:
    """Create a call from a browser.

    webCallUrl of the answer is a page of ours that talks to the assistant. It opens this call only.
    """
    return _created({**body.given(), "type": web_calls.WEB_CALL})


@blueprint.serve(
    Operation("POST", "/call/phone", "createPhoneCall", CreatedCall, status=201, errors=(409,))
)
def create_phone(body: CreateCall) -> Response:
    """Create call (the older path)."""
    return create(body)


@blueprint.serve(Operation("GET", "/call", "listCalls", Call, many=True))
def listing(query: ListCalls) -> Response:
    """List calls."""
    return reply(services().calls.list(api_key().org_id, call_filter(query)))


@blueprint.serve(Operation("GET", "/v2/call", "listCallPages", CallPage))
def pages(query: PageCalls) -> Response:
    """List calls by pages."""
    return reply(services().calls.pages(api_key().org_id, call_page(query)))


@blueprint.serve(Operation("GET", "/call/<id>", "getCall", Call))
def get(path: IdPath) -> Response:
    """Get call."""
    return reply(services().calls.get(api_key().org_id, path.id))


@blueprint.serve(Operation("PATCH", "/call/<id>", "updateCall", Call))
def patch(path: IdPath, body: UpdateCall) -> Response:
    """Update call. Null removes a field."""
    return reply(services().calls.patch(api_key().org_id, path.id, body.sent()))


@blueprint.serve(Operation("DELETE", "/call/<id>", "deleteCall", Call))
def delete(path: IdPath) -> Response:
    """Delete call. Deletes everything that is stored of the call.

    To hang up, send the control message end-call.
    """
    return reply(services().calls.delete(api_key().org_id, path.id))


@blueprint.serve(Operation("GET", "/call/<id>/events", "listCallEvents", CallEvent, many=True))
def events(path: IdPath) -> Response:
    """List a call's events.

    What the carrier reported and what was decided, with the carrier's own words.
    """
    return reply(services().calls.events(api_key().org_id, path.id))


@blueprint.serve(Operation("GET", "/call/<id>/explain", "explainCall", Explanation))
def explain(path: IdPath) -> Response:
    """Explain a call. Its events replayed: what each changed, and which decided the reason."""
    return reply(services().calls.explain(api_key().org_id, path.id))


@blueprint.serve(
    Operation("GET", "/call/<id>/messages", "listCallMessages", ServerMessage, many=True)
)
def sent_messages(path: IdPath) -> Response:
    """List a call's server messages. Each with its attempts."""
    return reply(services().calls.messages(api_key().org_id, path.id))


@blueprint.serve(
    Operation("POST", "/call/<id>/messages/<messageId>/resend", "resendCallMessage", ServerMessage)
)
def resend(path: MessagePath) -> Response:
    """Send a server message again."""
    return reply(services().calls.resend(api_key().org_id, path.id, path.message_id))


@blueprint.serve(redirect("/call/<id>/mono-recording", "getCallMonoRecording"))
def mono_recording(path: IdPath) -> Response:
    """Get a call's recording, both sides in one channel."""
    return _redirected(path.id, "recordingUrl")


@blueprint.serve(redirect("/call/<id>/stereo-recording", "getCallStereoRecording"))
def stereo_recording(path: IdPath) -> Response:
    """Get a call's recording, the customer on the left channel."""
    return _redirected(path.id, "stereoRecordingUrl")


@blueprint.serve(redirect("/call/<id>/customer-recording", "getCallCustomerRecording"))
def customer_recording(path: IdPath) -> Response:
    """Get the customer's side of a call's recording."""
    return _redirected(path.id, "customerRecordingUrl")


@blueprint.serve(redirect("/call/<id>/assistant-recording", "getCallAssistantRecording"))
def assistant_recording(path: IdPath) -> Response:
    """Get the assistant's side of a call's recording."""
    return _redirected(path.id, "assistantRecordingUrl")


def _redirected(call_id: str, field: str) -> Response:
    url = services().calls.get(api_key().org_id, call_id).get(field)
    if url is None:
        raise ApiError(404, f"Call {call_id} has no recording")
    return Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})


@control.before_request
def _require_something() -> None:
    if not (presented_key() or request.args.get("token")):
        raise refusal()


@control.serve(Operation("POST", "/call/<id>/control", "controlCall"))
def send_control(path: IdPath, query: ControlQuery, body: Control) -> Response:
    """Control a call. With an API key, or with the call's own token as in monitor.controlUrl."""
    org_id = organisation(presented_key())
    token = query.token or presented_key()
    try:
        services().calls.control(org_id, path.id, token, body.given())
    except NotFound:
        if org_id is None:  # only a key of the organisation may learn whether the call exists
            raise refusal() from None
        raise
    return reply({})


@control.serve(
    Operation("POST", "/call/<id>/supervisor", "superviseCall", SupervisorSocket, status=201)
)
def supervise(path: IdPath, query: ControlQuery) -> Response:
    """Let a supervisor speak on a call. Authorised as a control message is.

    The answer has the websocket at which they speak to the caller, and take the call over.
    """
    org_id = organisation(presented_key())
    token = query.token or presented_key()
    try:
        made = services().calls.supervise(org_id, path.id, token)
    except NotFound:
        if org_id is None:  # only a key of the organisation may learn whether the call exists
            raise refusal() from None
        raise
    return reply(made, 201)


# --------------------------------------------------------------- creating a call


def _created(body: JsonObject) -> Response:
    """Answer 201 with the Call, made now or by an earlier request with the same Idempotency-Key."""
    key = _idempotency_key()
    if "customers" in body:
        return _told(reply(_created_all(body, key), 201), body)
    if key is None:
        return _told(reply(_create(body, None), 201), body)
    once = IdempotentRequest(services().context, api_key().org_id, key, body)
    return _told(reply(once.make(lambda: _create(body, once)), 201), body)


def _told(response: Response, body: JsonObject) -> Response:
    """With warnings about the call's own assistant. A stored one's were given when it was stored."""
    own = {part: body[part] for part in OWN_PARTS if body.get(part)}
    if own:
        findings = services().checks.given(api_key().org_id, body)
        warned(response, "a call's assistant", findings, template_problems(own))
    return response


def _created_all(body: JsonObject, key: str | None) -> JsonDict:
    """A call for each of the customers. Each has an idempotency key of its own."""
    context, org_id = services().context, api_key().org_id
    RateLimit(context, api_key().id).check()
    once = [
        IdempotentRequest(context, org_id, batches.key_of(key, number), body) if key else None
        for number in range(len(body["customers"]))
    ]
    for each in once:
        if each is not None:
            each.check()

    def one(number: int, body: JsonObject) -> JsonDict:
        request = once[number]
        return request.make(lambda: _create(body, request)) if request else _create(body, None)

    return batches.create_all(body, one)


def _create(body: JsonObject, request: IdempotentRequest | None) -> JsonDict:
    """Create a call and count it for the rate limit. A repeated request does not come here."""
    rate = RateLimit(services().context, api_key().id)
    rate.check()

    def last(conn: Connection, call: JsonDict) -> None:
        rate.consume(conn)
        if request is not None:
            request.save(conn, call)

    return services().calls.create(api_key().org_id, body, last, api_key().id)


def _idempotency_key() -> str | None:
    key = current_request().headers.get(IDEMPOTENCY_KEY)
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise ApiError(400, f"{IDEMPOTENCY_KEY} must be 1 to {MAX_KEY} printable ASCII characters")
    return key
