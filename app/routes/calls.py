"""/call: create, list, get, change, delete and control calls; what happened to them, and was sent.

https://docs.vapi.ai/api-reference/calls/create
"""

from __future__ import annotations

from flask import Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.types import ResponseDict

from app.domain.errors import NotFound
from app.routes.auth import organisation, presented_key
from app.routes.creating import created
from app.routes.crud import api_blueprint
from app.routes.errors import ApiError, unauthorized
from app.routes.pagination import call_filter, call_page
from app.routes.schemas.base import Uuid
from app.routes.schemas.calls import (
    Control,
    ControlQuery,
    CreateCall,
    ListCalls,
    PageCalls,
    UpdateCall,
)
from app.routes.schemas.responses import Call, CallEvent, CallPage, Error, ServerMessage, array_of
from app.routes.validation import IdPath, checked, reply, services

TAG = Tag(name="call", description="Phone calls.")
ONE: ResponseDict = {200: Call, 404: Error}

blueprint = api_blueprint("call", "Phone calls.")

control = APIBlueprint("control", __name__, abp_tags=[TAG])
"""Apart, because the call's own token opens it as well as a key does."""


class MessagePath(IdPath):
    """One server message of a call."""

    message_id: Uuid


@blueprint.post(
    "/call",
    summary="Create call",
    description="With a header Idempotency-Key, sending it again makes no second call.",
    operation_id="createCall",
    responses={201: Call, 409: Error, 429: Error},
)
@checked(body=CreateCall)
def create(body: CreateCall) -> Response:
    return created(body.given())


@blueprint.post(
    "/call/phone",
    summary="Create call (the older path)",
    operation_id="createPhoneCall",
    responses={201: Call, 409: Error, 429: Error},
)
@checked(body=CreateCall)
def create_phone(body: CreateCall) -> Response:
    return created(body.given())


@blueprint.get(
    "/call", summary="List calls", operation_id="listCalls", responses={200: array_of(Call)}
)
@checked(query=ListCalls)
def listing(query: ListCalls) -> Response:
    return reply(services().calls.list(g.org_id, call_filter(query)))


@blueprint.get(
    "/v2/call",
    summary="List calls by pages",
    operation_id="listCallPages",
    responses={200: CallPage},
)
@checked(query=PageCalls)
def pages(query: PageCalls) -> Response:
    return reply(services().calls.pages(g.org_id, call_page(query)))


@blueprint.get("/call/<id>", summary="Get call", operation_id="getCall", responses=ONE)
@checked(path=IdPath)
def get(path: IdPath) -> Response:
    return reply(services().calls.get(g.org_id, path.id))


@blueprint.patch(
    "/call/<id>",
    summary="Update call",
    description="Null removes a field.",
    operation_id="updateCall",
    responses=ONE,
)
@checked(path=IdPath, body=UpdateCall)
def patch(path: IdPath, body: UpdateCall) -> Response:
    return reply(services().calls.patch(g.org_id, path.id, body.sent()))


@blueprint.delete(
    "/call/<id>",
    summary="Delete call",
    description="Deletes what is kept of the call. To hang up, send the control message end-call.",
    operation_id="deleteCall",
    responses=ONE,
)
@checked(path=IdPath)
def delete(path: IdPath) -> Response:
    return reply(services().calls.delete(g.org_id, path.id))


@blueprint.get(
    "/call/<id>/events",
    summary="List a call's events",
    description="What was heard and decided, when, with the carrier's own words.",
    operation_id="listCallEvents",
    responses={200: array_of(CallEvent), 404: Error},
)
@checked(path=IdPath)
def events(path: IdPath) -> Response:
    return reply(services().calls.events(g.org_id, path.id))


@blueprint.get(
    "/call/<id>/messages",
    summary="List a call's server messages",
    description="Each with its attempts.",
    operation_id="listCallMessages",
    responses={200: array_of(ServerMessage), 404: Error},
)
@checked(path=IdPath)
def sent_messages(path: IdPath) -> Response:
    return reply(services().calls.messages(g.org_id, path.id))


@blueprint.post(
    "/call/<id>/messages/<messageId>/resend",
    summary="Send a server message again",
    operation_id="resendCallMessage",
    responses={200: ServerMessage, 404: Error},
)
@checked(path=MessagePath)
def resend(path: MessagePath) -> Response:
    return reply(services().calls.resend(g.org_id, path.id, path.message_id))


@blueprint.get(
    "/call/<id>/mono-recording",
    summary="Get a call's recording, both sides in one channel",
    operation_id="getCallMonoRecording",
    responses={302: {"description": "To the recording."}, 404: Error},
)
@checked(path=IdPath)
def mono_recording(path: IdPath) -> Response:
    return _redirected(path.id, "recordingUrl")


@blueprint.get(
    "/call/<id>/stereo-recording",
    summary="Get a call's recording, the customer on the left channel",
    operation_id="getCallStereoRecording",
    responses={302: {"description": "To the recording."}, 404: Error},
)
@checked(path=IdPath)
def stereo_recording(path: IdPath) -> Response:
    return _redirected(path.id, "stereoRecordingUrl")


def _redirected(call_id: str, field: str) -> Response:
    url = services().calls.get(g.org_id, call_id).get(field)
    if url is None:
        raise ApiError(404, f"Call {call_id} has no recording")
    return Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})


@control.before_request
def _require_something() -> None:
    if not (presented_key() or request.args.get("token")):
        raise unauthorized()


@control.post(
    "/call/<id>/control",
    summary="Control a call",
    description="With an API key, or with the call's own token as in monitor.controlUrl.",
    operation_id="controlCall",
    security=[{"bearer": []}, {"basic": []}, {"controlToken": []}],
    responses={400: Error, 401: Error, 404: Error, 503: Error},
)
@checked(path=IdPath, query=ControlQuery, body=Control)
def send_control(path: IdPath, query: ControlQuery, body: Control) -> Response:
    org_id = organisation(presented_key())
    token = query.token or presented_key()
    try:
        services().calls.control(org_id, path.id, token, body.given())
    except NotFound:
        if org_id is None:  # whether the call exists is not told to a stranger
            raise unauthorized() from None
        raise
    return reply({})
