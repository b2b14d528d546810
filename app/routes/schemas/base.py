"""The base model of all schemas, and the types of single fields.

Types are strict: ``"true"`` is not a boolean and ``"600"`` not a number. A null field counts as
absent, as Vapi's own optional fields do. So does the empty text of an id, a number or an address.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from app.domain.ids import parse_uuid
from app.domain.legs.destinations import SIP
from app.domain.resources import server_credentials
from app.routes.schemas.wording import wrong
from app.vendors import registry
from providers.base.carrier import phone_carriers
from providers.common.e164 import E164, PATTERN
from providers.common.json_types import JsonDict
from providers.registry import PROVIDERS

CARRIERS = phone_carriers(PROVIDERS)
# Providers of a credential: carriers, vendors of models, voices and transcribers, own servers.
HOLDERS = (*CARRIERS, *registry.with_account(), *server_credentials.PROVIDERS)
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

# Bytes, as compact JSON.
MAX_METADATA = 16 * 1024
MAX_URL = 2000
NOTHING: tuple[Any, ...] = (None, "", [], {})
MAX_SIP_URI = 255

NOT_E164 = (
    "$property must be a valid phone number in the E.164 format. "
    "Hot tip, you may be missing the country code (Eg. US: +1)."
)

LEFT_OUT: Any = None
"""Of a field that a change may leave out, but not take away: null is refused."""


class Model(BaseModel):
    """A request body.

    Fields are snake_case here and camelCase in JSON; unknown ones are refused.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, data: Any) -> Any:
        """Leave out unknown fields that say nothing: clients send back what Vapi answered."""
        if not isinstance(data, dict) or cls.model_config.get("extra") != "forbid":
            return data
        known = {each.alias or name for name, each in cls.model_fields.items()}
        return {n: value for n, value in data.items() if n in known or value not in NOTHING}

    def sent(self) -> JsonDict:
        """The client's fields, checked: JSON names, nulls kept."""
        return self.model_dump(by_alias=True, exclude_unset=True)

    def given(self) -> JsonDict:
        """The client's fields without nulls."""
        return {name: value for name, value in self.sent().items() if value is not None}


class OpenModel(Model):
    """A body whose unknown fields are stored and returned as they came."""

    model_config = ConfigDict(extra="allow")


class Query(Model):
    """A query string. Numbers arrive as text."""

    model_config = ConfigDict(strict=False)


def _or_empty(check: Callable[[str], str]) -> AfterValidator:
    """An empty text is kept as it came, and counts as absent wherever it is read."""
    return AfterValidator(lambda value: check(value) if value else value)


def _or_none(check: Callable[[str], str]) -> AfterValidator:
    """An empty text is none: the object that it would name is not looked for."""
    return AfterValidator(lambda value: check(value) if value else None)


def _uuid(value: str) -> str:
    known = parse_uuid(value)
    if known is None:
        raise wrong("$property must be a UUID")
    return known


def _url(value: str, schemes: set[str]) -> str:
    try:
        parts = urlsplit(value)
        ok = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        ok = False
    # urlsplit drops line ends and tabs silently.
    if not ok or len(value) > MAX_URL or not value.isprintable() or " " in value:
        raise wrong("$property must be a URL address")
    return value


def _web_url(value: str) -> str:
    return _url(value, {"http", "https"})


def _socket_url(value: str) -> str:
    return _url(value, {"ws", "wss"})


def _return_url(value: str) -> str:
    parts = urlsplit(_web_url(value))
    if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
        raise wrong("$property must be an https URL (http is for localhost only)")
    return value


def _e164(value: str) -> str:
    if not E164.fullmatch(value):
        raise wrong(NOT_E164)
    return value


def _sip_uri(value: str) -> str:
    if len(value) > MAX_SIP_URI or not SIP.fullmatch(value):
        raise wrong("$property must be like sip:user@host")
    return value


def e164_from(value: str) -> str:
    """Return the number with its plus, which some carriers leave out. Raises the E.164 error."""
    return _e164(value if value.startswith("+") else f"+{value}")


def _metadata(value: JsonDict) -> JsonDict:
    if len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()) > MAX_METADATA:
        raise wrong(f"$property must not be larger than {MAX_METADATA} bytes of JSON")
    return value


def _carrier(value: str) -> str:
    if value not in CARRIERS:
        raise wrong(f"$property must be one of the following values: {', '.join(CARRIERS)}")
    return value


def _account_holder(value: str) -> str:
    if value not in HOLDERS:
        raise wrong(f"$property must be one of the following values: {', '.join(HOLDERS)}")
    return value


def _plain_text(value: str) -> str:
    if not value.isprintable():
        raise wrong("$property must not hold control characters")
    return value


def _whole(value: Any) -> Any:
    """Accept 600.0 as 600: JSON has one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _moment(value: Any) -> Any:
    """Parse ISO 8601; without an offset it is UTC.

    In a query an unescaped ``+`` arrives as a space.
    """
    if not isinstance(value, str):
        raise wrong("$property must be a valid ISO 8601 date string")
    try:
        found = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
    except ValueError:
        found = datetime.min
    if not 1970 <= found.year <= 9998:  # what every database and every offset can hold
        raise wrong("$property must be a valid ISO 8601 date string")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _moment_text(value: str) -> str:
    at: datetime = _moment(value)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Put it after an integer's limits: ``Annotated[int, Field(ge=1), whole]``.
whole = BeforeValidator(_whole)
# For a text of one line.
plain = AfterValidator(_plain_text)


def _schema(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **schema})


Uuid = Annotated[str, AfterValidator(_uuid), _schema(format="uuid")]
# The id of another object: none where it is empty.
Reference = Annotated[str, _or_none(_uuid), _schema(format="uuid")]
Url = Annotated[str, _or_empty(_web_url), _schema(format="uri", maxLength=MAX_URL)]
SocketUrl = Annotated[str, _or_empty(_socket_url), _schema(format="uri", pattern="^wss?://")]
ReturnUrl = Annotated[str, _or_empty(_return_url), _schema(format="uri", maxLength=MAX_URL)]
AnyNumber = Annotated[str, _or_none(e164_from), _schema(pattern=rf"^\+?{PATTERN}$")]
SipUri = Annotated[
    str, _or_empty(_sip_uri), _schema(pattern=f"^{SIP.pattern}$", maxLength=MAX_SIP_URI)
]
Carrier = Annotated[str, AfterValidator(_carrier), _schema(enum=list(CARRIERS))]
AccountHolder = Annotated[str, AfterValidator(_account_holder), _schema(enum=list(HOLDERS))]
ShortText = Annotated[str, Field(max_length=40)]
Metadata = Annotated[JsonDict, AfterValidator(_metadata)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
MomentText = Annotated[str, AfterValidator(_moment_text), _schema(format="date-time")]
