"""Phone numbers, saved or in the body of a call. Each carrier's package defines its own fields.

https://docs.vapi.ai/api-reference/phone-numbers/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, create_model, model_validator

from app.routes.schemas.assistants import Server, ServerSecret
from app.routes.schemas.base import (
    AnyNumber,
    Carrier,
    Model,
    OpenModel,
    Reference,
    ShortText,
    Url,
)
from app.routes.schemas.destinations import Destination
from app.routes.schemas.number_hooks import NumberHooks
from app.routes.schemas.wording import wrong_object
from providers.base.carrier import NumberFields
from providers.common.json_types import JsonDict
from providers.registry import PROVIDERS

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
    hooks: NumberHooks | None = Field(
        None, description="What happens to callers without an assistant."
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
