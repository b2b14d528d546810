"""Schemas that create, list, change and control calls.

The fields are those of "Create Phone Call", a name, overrides and ours:
``phoneCallProviderReturnUrl``. https://docs.vapi.ai/api-reference/calls/create
"""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from app.routes.schemas.assistants import Assistant, AssistantOverrides
from app.routes.schemas.base import (
    Metadata,
    Model,
    Moment,
    MomentText,
    OpenModel,
    Query,
    Reference,
    ReturnUrl,
    ShortText,
    Uuid,
    plain,
    whole,
)
from app.routes.schemas.customers import CalledCustomer, number_problem
from app.routes.schemas.destinations import Destination
from app.routes.schemas.phone_numbers import TransientPhoneNumber
from app.routes.schemas.squads import AssistantDestination, CreateSquad
from app.routes.schemas.wording import wrong, wrong_object
from providers.events import CallStatus, EndedReason
from providers.web import WEB

# Pairs of which a body may have one: the id of a saved object, or the object.
EITHER_OR = (
    ("customer_id", "customer"),
    ("customer_id", "customers"),
    ("customer", "customers"),
    ("phone_number_id", "phone_number"),
)

ANSWERING = ("assistant_id", "assistant", "squad_id", "squad")
"""Fields of which a call has one: who answers."""

MOST_CUSTOMERS = 100

# Fields of phone calls, which a call from a browser or a program cannot have.
PHONE_ONLY = (
    "phone_number_id",
    "phone_number",
    "customers",
    "schedule_plan",
    "phone_call_provider_bypass_enabled",
    "phone_call_provider_return_url",
)

CONTROLS = (
    "end-call",
    "transfer",
    "handoff",
    "say",
    "add-message",
    "control",
    "take-over",
    "give-back",
)
# Vapi's other control messages, which are refused by name.
FOREIGN_CONTROLS = ("send-transport-message",)
# Control type -> its required field.
NEEDED = {
    "transfer": "destination",
    "handoff": "destination",
    "say": "content",
    "add-message": "message",
    "control": "control",
}
# Characters that the carrier speaks before a transfer.
MAX_SPOKEN_BY_CARRIER = 1000


class SchedulePlan(Model):
    """When a call is dialled: at the first time, or as soon after it as there is a free slot."""

    earliest_at: MomentText
    latest_at: MomentText | None = Field(
        None, description="After it the call ends undialled. Default: an hour after earliestAt."
    )


class AudioFormat(Model):
    """The sound of a websocket call, both ways."""

    format: Literal["pcm_s16le", "mulaw"]
    container: Literal["raw"] | None = None
    sample_rate: Annotated[int, whole] = Field(description="8000, 16000 or 24000; mulaw: 8000.")

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if f"{self.format} {self.sample_rate}" not in WEB.formats:
            raise wrong_object(f"format and sampleRate must be one of: {', '.join(WEB.formats)}")
        return self


class WebsocketTransport(Model):
    """A program talks to the assistant by a websocket of its own, without a phone."""

    provider: Literal["vapi.websocket"]
    conversation_type: Literal["voice"] | None = None
    audio_format: AudioFormat | None = Field(
        None, description="Default: pcm_s16le at 16000 samples a second."
    )


class Answering(Model):
    """Who answers a call."""

    assistant_id: Reference | None = None
    assistant: Assistant | None = None
    assistant_overrides: AssistantOverrides | None = Field(
        None, description="With a squad: for every member."
    )
    squad_id: Reference | None = None
    squad: CreateSquad | None = Field(None, description="Several assistants. The first begins.")
    squad_overrides: AssistantOverrides | None = Field(
        None, description="Fields to replace in every member."
    )

    @model_validator(mode="after")
    def _one_answers(self) -> Self:
        named = [f"`{to_camel(name)}`" for name in ANSWERING if getattr(self, name) is not None]
        if len(named) > 1:
            raise wrong_object(f"Use either {' or '.join(named)}, not both.")
        if self.squad_overrides is not None and self.assistant is not None:
            raise wrong_object("`squadOverrides` is for a squad.")
        return self


class CreateWebCall(Answering):
    """A call from a browser. One of assistantId, assistant, squadId and squad."""

    max_duration_seconds: Annotated[int, Field(ge=10, le=3600), whole] | None = Field(
        None, description="The call ends after so many seconds."
    )
    metadata: Metadata | None = Field(None, description="At most 16 kB; given back as it came.")
    name: ShortText | None = None
    sip_enabled: bool | None = Field(
        None, description="True: the answer has webCallSipUri, which a SIP phone may call instead."
    )
    room_delete_on_user_leave_enabled: Literal[True] | None = Field(
        None, description="Only true: the call ends when its customer leaves."
    )


class CreateCall(Answering):
    """A call to create. One of assistantId, assistant, squadId and squad; and one number."""

    max_duration_seconds: Annotated[int, Field(ge=10, le=3600), whole] | None = Field(
        None, description="The call ends after so many seconds."
    )
    type: Literal["outboundPhoneCall", "inboundPhoneCall", "webCall"] | None = Field(
        None, description="Default outboundPhoneCall. webCall: as POST /call/web."
    )
    transport: WebsocketTransport | None = Field(
        None, description="No phone is called: transport.websocketCallUrl of the answer is joined."
    )
    sip_enabled: bool | None = Field(None, description="With type webCall.")
    phone_call_provider_bypass_enabled: bool | None = Field(
        None,
        description="True: nothing is dialled; phoneCallProviderDetails of the answer is for your own flow. "
        "Else customer.number (or customer.sipUri) is called.",
    )
    customer_id: Reference | None = None
    customer: CalledCustomer | None = None
    customers: list[CalledCustomer] | None = Field(
        None,
        min_length=1,
        max_length=MOST_CUSTOMERS,
        description="A call for each of them. The answer is results and errors.",
    )
    phone_number_id: Reference | None = None
    phone_number: TransientPhoneNumber | None = None
    schedule_plan: SchedulePlan | None = Field(
        None, description="When to dial. The call is `scheduled` until then."
    )
    metadata: Metadata | None = Field(None, description="At most 16 kB; given back as it came.")
    name: ShortText | None = None
    phone_call_provider_return_url: ReturnUrl | None = Field(
        None, description="Where the leg goes when the assistant has left. https."
    )

    @model_validator(mode="after")
    def _either_or(self) -> Self:
        both = [pair for pair in EITHER_OR if None not in attrgetter(*pair)(self)]
        if both:
            named = [f"`{to_camel(a)}` or `{to_camel(b)}`" for a, b in both]
            raise wrong_object(f"Use either {' and either '.join(named)}, not both.")
        if self.transport or self.sip_enabled is not None or self.type == "webCall":
            self._check_phoneless()
        return self

    def _check_phoneless(self) -> None:
        """Refuse what makes no sense for a call without a phone."""
        if self.transport and self.type:
            raise wrong_object("`transport` makes a call of its own type: leave out `type`.")
        if self.sip_enabled is not None and self.type != "webCall":
            raise wrong_object("`sipEnabled` is for calls with `type` `webCall`.")
        for name in PHONE_ONLY:
            if getattr(self, name) is not None:
                raise wrong_object(f"`{to_camel(name)}` is for phone calls: leave it out.")

    @model_validator(mode="after")
    def _customers_can_be_dialled(self) -> Self:
        """With bypass on the number is not dialled: it may be withheld, or any other text."""
        if self.phone_call_provider_bypass_enabled or self.transport or self.type == "webCall":
            return self
        named = {f"customers.{n}": each for n, each in enumerate(self.customers or ())}
        one = {"customer": self.customer} if self.customer else {}
        for place, each in {**one, **named}.items():
            if problem := number_problem(each.number, each.number_e164_check_enabled):
                raise wrong_object(problem.replace("$property", f"{place}.number"))
        return self


class UpdateCall(Model):
    """The fields of a call that may change."""

    name: ShortText | None = None
    metadata: Metadata | None = None


def _control_type(value: str) -> str:
    if value in FOREIGN_CONTROLS:
        raise wrong(f"control type `{value}` is not offered")
    if value not in CONTROLS:
        raise wrong(f"$property must be one of the following values: {', '.join(CONTROLS)}")
    return value


class AddedMessage(OpenModel):
    """A message to add to the conversation, as if it had been said."""

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1, max_length=20_000)


class Control(OpenModel):
    """A message to a call in progress: ``{"type": "end-call"}``, or one of the others."""

    type: Annotated[str, AfterValidator(_control_type)] = Field(
        json_schema_extra={"enum": list(CONTROLS)}
    )
    destination: Destination | AssistantDestination | None = Field(
        None, description="Required with type `transfer`, and with `handoff`: an assistant."
    )
    content: str | None = Field(
        None,
        max_length=5000,
        description="What to say; before a transfer, instead of its message, at most 1000.",
    )
    end_call_after_spoken: bool | None = Field(None, description="With type `say`.")
    interrupt_assistant_enabled: bool | None = Field(
        None, description="With type `say`: at once, instead of what is being said."
    )
    interruptions_enabled: bool | None = Field(
        None, description="With type `say`: false if the caller cannot interrupt it."
    )
    message: AddedMessage | None = Field(None, description="Required with type `add-message`.")
    trigger_response_enabled: bool | None = Field(
        None,
        description="With type `add-message`: the assistant answers to it. Default true. "
        "With `give-back`: it speaks at once. Default: if the caller spoke last.",
    )
    control: (
        Literal[
            "mute-assistant",
            "unmute-assistant",
            "mute-customer",
            "unmute-customer",
            "say-first-message",
        ]
        | None
    ) = Field(None, description="Required with type `control`.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needed = NEEDED.get(self.type)
        if needed is not None and not getattr(self, needed):
            raise wrong_object(f"{needed} should not be empty")
        to_assistant = isinstance(self.destination, AssistantDestination)
        if self.type in ("transfer", "handoff") and to_assistant is (self.type == "transfer"):
            kinds = "number or sip" if self.type == "transfer" else "assistant"
            raise wrong_object(f"destination.type must be {kinds}")
        if self.type == "transfer" and len(self.content or "") > MAX_SPOKEN_BY_CARRIER:
            raise wrong_object(
                f"content must be shorter than or equal to {MAX_SPOKEN_BY_CARRIER} characters"
            )
        return self


class ControlQuery(Query):
    """The call's own token, as in monitor.controlUrl; instead of the API key."""

    token: str | None = Field(None, max_length=200)


class Page(Query):
    """The query of every list: newest first, times as ISO 8601."""

    limit: int = Field(100, ge=0, le=1000)
    created_at_gt: Moment | None = None
    created_at_lt: Moment | None = None
    created_at_ge: Moment | None = None
    created_at_le: Moment | None = None
    updated_at_gt: Moment | None = None
    updated_at_lt: Moment | None = None
    updated_at_ge: Moment | None = None
    updated_at_le: Moment | None = None


class ListPhoneNumbers(Page):
    """Which page of the phone numbers."""

    page: int = Field(1, ge=1, le=1_000_000, description="Counted from 1.")
    sort_order: Literal["ASC", "DESC"] = Field("DESC", description="By creation.")
    search: Annotated[str, Field(max_length=255), plain] | None = Field(
        None, description="Part of the name or the number."
    )


class ListStructuredOutputs(Page):
    """Which page of the structured outputs."""

    page: int = Field(1, ge=1, le=1_000_000, description="Counted from 1.")
    sort_order: Literal["ASC", "DESC"] = Field("DESC", description="By creation.")
    name: Annotated[str, Field(max_length=255), plain] | None = Field(
        None, description="Part of the name."
    )


class ListCalls(Page):
    """Which calls to list."""

    id: Uuid | None = None
    assistant_id: Uuid | None = None
    squad_id: Uuid | None = None
    phone_number_id: Uuid | None = None
    phone_call_provider_id: Annotated[str, Field(max_length=128), plain] | None = Field(
        None, description="The carrier's own id of the call."
    )
    customer_number: Annotated[str, Field(max_length=64), plain] | None = Field(
        None, description="The customer's number, as the call has it."
    )
    phone_number: Annotated[str, Field(max_length=64), plain] | None = Field(
        None, description="Our number in E.164 format."
    )
    text: Annotated[str, Field(max_length=255), plain] | None = Field(
        None,
        description="Words, or beginnings of words, that are all in the call's name, metadata, "
        "summary or transcript, or in the customer's name.",
    )
    status: CallStatus | None = None
    ended_reason: EndedReason | None = None


class PageCalls(ListCalls):
    """Which page of the calls."""

    page: int = Field(1, ge=1, le=1_000_000, description="Counted from 1.")
    sort_order: Literal["ASC", "DESC"] = Field("DESC", description="By creation.")
