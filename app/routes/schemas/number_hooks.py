"""``hooks`` of a phone number, in the two forms of Vapi's page.

https://docs.vapi.ai/api-reference/phone-numbers/create
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    field_serializer,
    model_validator,
)

from app.domain.assistant.number_hooks import FILTERED_REASONS, ActionType, Moment
from app.routes.schemas.base import OpenModel
from app.routes.schemas.destinations import Destination
from app.routes.schemas.wording import wrong, wrong_object

MAX_HOOKS = 30
MAX_ACTIONS = 10
MAX_PREFIXES = 20
MAX_DIGITS = 20
MAX_SAID = 4000
"""Characters of ``exact``."""

FILTERS = {
    Moment.RINGING: ("startsWith", "number"),
    Moment.ENDING: ("oneOf", "call.endedReason"),
}
"""``type`` and ``key`` of a filter at each moment. The type names the field with the values."""


def _one_of(*values: str) -> AfterValidator:
    def check(value: str) -> str:
        if value not in values:
            raise wrong(f"$property must be one of the following values: {', '.join(values)}")
        return value

    return AfterValidator(check)


def _between(least: int, most: int) -> AfterValidator:
    def check(value: list[Any]) -> list[Any]:
        if not least <= len(value) <= most:
            raise wrong(f"$property must have {least} to {most} entries")
        return value

    return AfterValidator(check)


def _digits(value: str) -> str:
    if not (value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS):
        raise wrong(f"$property must be 1 to {MAX_DIGITS} digits, without the plus of a number")
    return value


def _many(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class NumberHookAction(OpenModel):
    """Speak a text to the caller and hang up, or transfer the caller."""

    type: Annotated[str, _one_of(*ActionType)]
    exact: str | None = Field(
        None, max_length=MAX_SAID, description="The text. Required with type `say`."
    )
    destination: Destination | None = Field(None, description="Required with type `transfer`.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.type == ActionType.SAY and not (self.exact or "").strip():
            raise wrong_object("exact should not be empty")
        if self.type == ActionType.TRANSFER and self.destination is None:
            raise wrong_object("destination should not be empty")
        return self


class NumberHookFilter(OpenModel):
    """Which calls a hook is for. Each filter of a hook has to match."""

    type: str
    key: str
    starts_with: (
        Annotated[list[Annotated[str, AfterValidator(_digits)]], _between(1, MAX_PREFIXES)] | None
    ) = Field(None, description="First digits of the caller's number, of `call.ringing`.")
    one_of: (
        Annotated[list[Annotated[str, _one_of(*FILTERED_REASONS)]], _between(1, MAX_PREFIXES)]
        | None
    ) = Field(None, description="Why there is no assistant, of `call.ending`.")


class NumberHook(OpenModel):
    """An action for a caller, without an assistant."""

    on: Annotated[str, _one_of(*Moment)]
    filters: list[NumberHookFilter] | None = None
    do: Annotated[list[NumberHookAction], BeforeValidator(_many), _between(1, MAX_ACTIONS)] = Field(
        description="Of `call.ringing` a list, whose first action is executed; of `call.ending` one."
    )

    @model_validator(mode="after")
    def _filters_fit(self) -> Self:
        type_, key = FILTERS[Moment(self.on)]
        for number, each in enumerate(self.filters or ()):
            for name, given, wanted in (("type", each.type, type_), ("key", each.key, key)):
                if given != wanted:
                    told = f"{name} must be one of the following values: {wanted}"
                    raise wrong_object(f"filters.{number}.{told}")
            if (each.starts_with if self.on == Moment.RINGING else each.one_of) is None:
                raise wrong_object(f"filters.{number}.{type_} should not be empty")
        if self.on == Moment.ENDING and len(self.do) > 1:
            raise wrong_object("do must be one action")
        return self

    @field_serializer("do", mode="wrap")
    def _in_vapis_form(self, value: Any, handler: SerializerFunctionWrapHandler) -> Any:
        made = handler(value)
        return made[0] if self.on == Moment.ENDING else made


NumberHooks = Annotated[list[NumberHook], _between(0, MAX_HOOKS)]
