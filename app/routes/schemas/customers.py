"""Customers, saved or in the body of a call. https://docs.vapi.ai/api-reference/calls/create"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from app.routes.schemas.assistants import AssistantOverrides
from app.routes.schemas.base import LOOSE_NUMBER, NOT_E164, Model, ShortText, SipUri, plain
from app.routes.schemas.wording import wrong
from providers.common.e164 import E164

LOOSE = "$property must be 3 to 40 letters and digits, with or without a plus before them"


class Customer(Model):
    """The person who is called, or calls."""

    number_e164_check_enabled: bool | None = Field(
        None, description="Default true. False lets in numbers that are not E.164."
    )
    number: str | None = Field(
        None, description="E.164, such as +14155551234, unless numberE164CheckEnabled is false."
    )
    name: ShortText | None = None
    extension: Annotated[str, Field(max_length=30), plain] | None = Field(
        None, description="Dialled after the call is answered."
    )
    sip_uri: SipUri | None = None
    email: ShortText | None = None
    external_id: ShortText | None = None

    @field_validator("number")
    @classmethod
    def _number(cls, value: str | None, info: ValidationInfo) -> str | None:
        strict = info.data.get("number_e164_check_enabled") is not False
        if value is None or (E164 if strict else LOOSE_NUMBER).fullmatch(value):
            return value
        raise wrong(NOT_E164 if strict else LOOSE)


class CalledCustomer(Customer):
    """The customer of a new call."""

    assistant_overrides: AssistantOverrides | None = Field(
        None, description="Merged over the request's own assistantOverrides."
    )
