"""Response schemas for the OpenAPI document. Responses are not validated."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

from app.domain.assistant.served_fields import Fate
from app.routes.schemas.base import AccountHolder, Carrier
from providers.common.json_types import JsonDict
from providers.events import CallStatus, EndedReason, EventKind


class Answer(BaseModel):
    """A response. Fields that are not known yet are absent."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow")


class Error(Answer):
    """Every error. The message is an array where the body or query is not valid."""

    message: str | list[str]
    error: str
    status_code: int


class Resource(Answer):
    """The fields of every object."""

    id: str
    org_id: str
    created_at: datetime
    updated_at: datetime


class Monitor(Answer):
    """How to control the call while it lasts, and how to listen to it."""

    control_url: str = Field(description="Takes control messages without an API key.")
    listen_url: str | None = Field(
        None, description="A websocket of the call's sound and messages, without an API key."
    )


class SupervisorSocket(Answer):
    """Where a supervisor speaks on a call."""

    websocket_url: str = Field(description="Takes 16-bit mono PCM at 16 kHz, and JSON.")
    expires_at: datetime = Field(description="Until then it may be opened. An open one stays open.")


class Call(Resource):
    """A phone call."""

    type: (
        Literal["inboundPhoneCall", "outboundPhoneCall", "webCall", "vapi.websocketCall"] | None
    ) = None
    phone_call_provider: Carrier | None = None
    phone_call_transport: Literal["sip", "pstn"] | None = None
    schedule_plan: JsonDict | None = None
    status: CallStatus | None = None
    ended_reason: EndedReason | None = None
    ended_message: str | None = Field(None, description="The reason in a sentence.")
    max_duration_seconds: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cost: float | None = Field(None, description="USD.")
    cost_breakdown: JsonDict | None = Field(None, description="USD, and what was used.")
    costs: list[JsonDict] | None = Field(
        None, description="Its items in USD; `told` is the carrier's own amount and currency."
    )
    inbound_phone_call_debugging_artifacts: JsonDict | None = Field(
        None, description="Why no assistant answered the leg."
    )
    transcript: str | None = None
    recording_url: str | None = None
    stereo_recording_url: str | None = None
    customer_recording_url: str | None = None
    assistant_recording_url: str | None = None
    summary: str | None = None
    messages: list[JsonDict] | None = None
    analysis: JsonDict | None = Field(None, description="By the assistant's own model.")
    artifact: JsonDict | None = Field(None, description="What stays of the call.")
    phone_call_provider_id: str | None = Field(None, description="The carrier's id of the call.")
    phone_call_provider_bypass_enabled: bool | None = None
    phone_call_provider_details: JsonDict | None = Field(
        None, description="With bypass on: the carrier's own create-call arguments."
    )
    phone_call_provider_return_url: str | None = None
    web_call_url: str | None = Field(
        None, description="Web calls only: the page that joins this call."
    )
    web_call_sip_uri: str | None = Field(
        None, description="Web calls with sipEnabled: the address a SIP phone calls instead."
    )
    transport: JsonDict | None = Field(
        None, description="Websocket calls: their format, and websocketCallUrl to join by."
    )
    queue: JsonDict | None = Field(
        None, description="While its leg waits for a slot: position, expectedWaitSeconds."
    )
    subscription_limits: JsonDict | None = Field(
        None, description="In the answer of POST /call: what MAX_CONCURRENT_CALLS leaves."
    )
    forwarded_phone_number: str | None = None
    destination: JsonDict | None = None
    assistant_id: str | None = None
    assistant: JsonDict | None = None
    assistant_overrides: JsonDict | None = None
    squad_id: str | None = None
    squad: JsonDict | None = None
    squad_overrides: JsonDict | None = None
    customer_id: str | None = None
    customer: JsonDict | None = None
    phone_number_id: str | None = None
    phone_number: JsonDict | None = None
    metadata: JsonDict | None = None
    name: str | None = None
    monitor: Monitor | None = None


class CallBatchError(Answer):
    """A customer who is not called, and why."""

    customer: JsonDict
    error: str


class CallBatchResponse(Answer):
    """The calls of a request with customers."""

    results: list[Call]
    errors: list[CallBatchError]


class CreatedCall(RootModel[Call | CallBatchResponse]):
    """A call; with customers all of theirs."""


class ExplainedStep(Answer):
    """One event, and what it did."""

    kind: EventKind
    at: datetime
    source: str
    key: str
    reason: EndedReason | None = None
    text: str
    changed: JsonDict | None = Field(None, description="Name -> [before, after].")
    row: int | None = Field(None, description="Of the evidence table: the lower one wins.")
    evidence: str | None = None
    decides: bool | None = None
    lost_to: JsonDict | None = Field(None, description="The evidence that decided instead.")
    why: str | None = None


class Explanation(Answer):
    """Why a call is as it is: its events replayed."""

    status: CallStatus
    ended_reason: EndedReason | None
    sentence: str | None
    advice: str | None
    settled: bool
    provisional: bool = Field(description="The reason may still become more specific.")
    decided_by: JsonDict | None
    steps: list[ExplainedStep]


class ExplainedCallbacks(Explanation):
    """Of callbacks: the call that they are about."""

    phone_call_provider: Carrier
    phone_call_provider_id: str


class CallbackProblem(Answer):
    """A callback that cannot be read, by its number in the text."""

    callback: int
    problem: str


class Explanations(Answer):
    """Each call of the callbacks."""

    calls: list[ExplainedCallbacks]
    problems: list[CallbackProblem]


class AssistantResource(Resource):
    """A saved assistant, without its secrets."""

    name: str | None = None


class SquadResource(Resource):
    """A saved squad, without its secrets."""

    name: str | None = None
    members: list[JsonDict]
    members_overrides: JsonDict | None = None


class CheckedField(Answer):
    """One field of an assistant."""

    path: str
    fate: Fate = Field(description="Mapped: as another field. Refused: a call would fail.")
    reason: str | None = None


class AssistantCheck(Answer):
    """What this installation does with an assistant."""

    assistant_id: str
    works: bool = Field(description="Whether calls can begin. No vendor is asked.")
    fields: list[CheckedField]


class ToolResource(Resource):
    """A saved tool, without its secrets."""

    type: str
    name: str | None = None
    function: JsonDict | None = None


class CustomerResource(Resource):
    """A saved customer."""

    number: str | None = None
    name: str | None = None


class PhoneNumberResource(Resource):
    """A saved phone number, without secrets."""

    provider: Carrier
    number: str
    status: Literal["active"]
    credential_id: str
    name: str | None = None
    assistant_id: str | None = None


class StructuredOutputResource(Resource):
    """A saved structured output."""

    name: str
    type: Literal["ai", "regex"] | None = None


class FileResource(Resource):
    """An uploaded file."""

    name: str
    original_name: str
    bytes: int
    mimetype: str
    status: Literal["done"]


class PageMetadata(Answer):
    """The position of a page among the others."""

    items_per_page: int
    total_items: int
    current_page: int
    total_pages: int
    has_next_page: bool


class PhoneNumberPage(Answer):
    """One page of saved phone numbers."""

    results: list[PhoneNumberResource]
    metadata: PageMetadata


class CallPage(Answer):
    """One page of calls."""

    results: list[Call]
    metadata: PageMetadata


class StructuredOutputPage(Answer):
    """One page of saved structured outputs."""

    results: list[StructuredOutputResource]
    metadata: PageMetadata


class CredentialResource(Resource):
    """An account at a carrier or vendor, without its secrets."""

    provider: AccountHolder
    name: str | None = None


class CallEvent(Answer):
    """One entry of a call's event log, with the carrier's own words."""

    kind: str
    source: str
    at: datetime
    received_at: datetime


class ServerMessage(Answer):
    """A server message and its delivery."""

    id: str
    type: str
    state: Literal["pending", "delivered", "failed"]
    created_at: datetime
    next_attempt_at: datetime | None = Field(None, description="Of a pending one; never past.")
    blocked_by: str | None = Field(
        None, description="The id of the message of its call that has to be delivered before it."
    )


class ListedServerMessage(ServerMessage):
    """A server message in the list of all calls, without its body."""

    call_id: str


class Resent(Answer):
    """The outcome of sending failed messages again."""

    resent: int
    remaining: bool = Field(description="Whether further failed ones are left.")


class AnalyticsTime(Answer):
    """The time that a query was about."""

    step: str | None = None
    start: datetime
    end: datetime
    timezone: str


class AnalyticsResult(Answer):
    """The answer to one query."""

    name: str
    time_range: AnalyticsTime
    result: list[JsonDict] = Field(description="A group each: its values, and its numbers.")
