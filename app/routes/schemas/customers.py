"""Customers, saved or in the body of a call. https://docs.vapi.ai/api-reference/calls/create"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from app.routes.schemas.assistants import AssistantOverrides
from app.routes.schemas.base import NOT_E164, Model, ShortText, SipUri, plain
from app.routes.schemas.wording import wrong
from providers.common.e164 import E164, LOOSE

NOT_LOOSE = "$property must be 3 to 40 letters and digits, with or without a plus before them"


def number_problem(number: str | None, check: bool | None) -> str | None:
    """Why this number is refused, a sentence about ``$property``. Without one nothing is wrong.

    ``check``: its ``numberE164CheckEnabled``.
    """
    pattern, sentence = (LOOSE, NOT_LOOSE) if check is False else (E164, NOT_E164)
    return sentence if number and not pattern.fullmatch(number) else None


def checked_number(value: str | None, info: ValidationInfo) -> str | None:
    """A validator of ``number``, behind ``number_e164_check_enabled``."""
    if problem := number_problem(value, info.data.get("number_e164_check_enabled")):
        raise wrong(problem)
    return value


class Person(Model):
    """The fields of a customer. The number is not checked yet."""

    number_e164_check_enabled: bool | None = Field(
        None, description="Default true. False lets in numbers that are not E.164."
    )
    number: Annotated[str, Field(max_length=255), plain] | None = Field(
        None, description="E.164, such as +14155551234, unless numberE164CheckEnabled is false."
    )
    name: ShortText | None = None
    extension: Annotated[str, Field(max_length=30), plain] | None = Field(
        None, description="Dialled after the call is answered."
    )
    sip_uri: SipUri | None = None
    email: ShortText | None = None
    external_id: ShortText | None = None


class CalledCustomer(Person):
    """The customer of a new call. With bypass on, any text stands for the number."""

    assistant_overrides: AssistantOverrides | None = Field(
        None, description="Merged over the request's own assistantOverrides."
    )
    squad_overrides: AssistantOverrides | None = Field(
        None, description="Merged over the request's own squadOverrides."
    )


class Customer(Person):
    """A customer to save, who may be called."""

    _number = field_validator("number")(checked_number)
