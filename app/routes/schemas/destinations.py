"""A destination in a client's body: of a transfer, or of a phone number."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from app.routes.schemas.base import OpenModel, ShortText, SipUri
from app.routes.schemas.customers import checked_number
from app.routes.schemas.wording import wrong_object
from providers.common.json_types import JsonDict

Spoken = Annotated[str, Field(max_length=1000)]


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

    _number = field_validator("number")(checked_number)

    @model_validator(mode="after")
    def _has_target(self) -> Self:
        wanted = "number" if self.type == "number" else "sipUri"
        if not (self.number if self.type == "number" else self.sip_uri):
            raise wrong_object(f"{wanted} should not be empty")
        if self.type == "sip" and self.extension:
            raise wrong_object("extension is for numbers only")
        return self
