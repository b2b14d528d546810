"""Phone numbers, saved or in the body of a call. Each carrier's package defines its own fields.

https://docs.vapi.ai/api-reference/phone-numbers/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationInfo, create_model, field_validator, model_validator

from app.routes.schemas.assistants import Server, ServerSecret
from app.routes.schemas.base import (
    AnyNumber,
    Carrier,
    Model,
    OpenModel,
    Reference,
    ShortText,
    SipUri,
    Url,
)
from app.routes.schemas.customers import number_problem
from app.routes.schemas.wording import wrong, wrong_object
from providers.base.carrier import NumberFields
from providers.common.json_types import JsonDict
from providers.registry import PROVIDERS

Spoken = Annotated[str, Field(max_length=1000)]

SECRET = "Stored sealed, never given back."  # noqa: S105


def _carrier_fields(fields: NumberFields) -> JsonDict:
    """pydantic's definitions of one carrier's fields, all optional."""
    definitions: JsonDict = {fields.number: (AnyNumber | None, None)}
    if fields.account_ref:
        definitions[fields.account_ref] = (str | None, Field(None, max_length=64))
    for name in fields.secrets:
        definitions[name] = (str | None, Field(None, max_length=500, description=SECRET))
    return definitions


if TYPE_CHECKING:
    CarrierFields = Model
else:  # the fields are known only at run time
    CarrierFields = create_model(
        "CarrierFields",
        __base__=Model,
        **{
            name: definition
            for provider in PROVIDERS.values()
            for name, definition in _carrier_fields(provider.number_fields).items()
        },
    )


class Destination(OpenModel):
    """Where a leg is sent: in a transfer, or when no assistant can be found."""

    type: Literal["number", "sip"]
    number_e164_check_enabled: bool | None = Field(
        None, description="Default true. False: its plus may be missing, or written as 00."
    )
    number: str | None = Field(None, description="E.164. Required with type `number`.")
    sip_uri: SipUri | None = Field(None, description="Required with type `sip`.")
    extension: str | None = Field(None, max_length=10, pattern=r"^[0-9*#wW,]*$")
    caller_id: ShortText | None = None
    message: Spoken | JsonDict | None = Field(
        None, description="Spoken to the caller first: a text, or an object with `content`."
    )
    description: str | None = Field(None, max_length=1000)
    on_failure: Literal["return", "end"] | None = Field(
        None, description="After busy or no answer: back to the assistant (default), or end."
    )

    @field_validator("number")
    @classmethod
    def _number(cls, value: str | None, info: ValidationInfo) -> str | None:
        if problem := number_problem(value, info.data.get("number_e164_check_enabled")):
            raise wrong(problem)
        return value

    @model_validator(mode="after")
    def _has_target(self) -> Self:
        wanted = "number" if self.type == "number" else "sipUri"
        if not (self.number if self.type == "number" else self.sip_uri):
            raise wrong_object(f"{wanted} should not be empty")
        if self.type == "sip" and self.extension:
            raise wrong_object("extension is for numbers only")
        return self


class QueuePlan(OpenModel):
    """How a leg waits while MAX_CONCURRENT_CALLS are going on. The settings are its defaults."""

    mode: Literal["off", "wait", "callback"] | None = Field(
        None, description="Refuse, wait, or wait with a callback for who presses 1."
    )
    max_seconds: int | None = Field(None, ge=10, le=7200, description="The longest wait.")
    hold_audio_url: Url | None = Field(
        None, description="Audio of at most two minutes, MP3 or WAV, instead of our music."
    )


class TransientPhoneNumber(CarrierFields):
    """A phone number in the body of a call: its carrier's own fields, or a credential's id."""

    number: AnyNumber | None = Field(None, description="Instead of the carrier's own field.")
    credential_id: Reference | None = None
    name: ShortText | None = None
    assistant_id: Reference | None = None
    squad_id: Reference | None = None
    sms_enabled: bool | None = Field(None, description="Kept as sent: messages are not served.")
    server: Server | None = None
    server_url: Url | None = Field(None, description="The older spelling of server.url.")
    server_url_secret: ServerSecret = None
    fallback_destination: Destination | None = Field(
        None, description="Where a call goes when no assistant can be found for it."
    )
    queue_plan: QueuePlan | None = None
    owner_callback_url: Url | None = Field(
        None,
        description="Your own status callback or event URL, which gets what comes to ours.",
    )

    @model_validator(mode="after")
    def _one_answers(self) -> Self:
        if self.assistant_id is not None and self.squad_id is not None:
            raise wrong_object("Use either `assistantId` or `squadId`, not both.")
        return self


class CreatePhoneNumber(TransientPhoneNumber):
    """A phone number to save. The provider may be left out where the fields imply it."""

    provider: Carrier | None = None


class UpdatePhoneNumber(CreatePhoneNumber):
    """Fields to change; null removes one. The provider cannot change."""


class ImportPhoneNumber(TransientPhoneNumber):
    """A phone number to save; the path names the provider."""
