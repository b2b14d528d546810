"""Assistants, and the server for messages, which phone numbers have too.

Only the assistant fields that this program uses are checked. All others are stored and returned as
they came, at every depth, because the assistant may run elsewhere.
https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from app.routes.schemas.base import (
    Metadata,
    OpenModel,
    ShortText,
    SocketUrl,
    Url,
    Uuid,
    plain,
    whole,
)
from app.routes.schemas.wording import wrong_object
from providers.common.json_types import JsonDict

ServerSecret = Annotated[
    str | None,
    Field(max_length=500, description="Sent as X-Vapi-Secret; stored sealed, never given back."),
]


class BackoffPlan(OpenModel):
    """How a failed server message is sent again."""

    type: Literal["fixed", "exponential"]
    max_retries: Annotated[int, Field(ge=0, le=10), whole]
    base_delay_seconds: float = Field(ge=0, le=10)
    excluded_status_codes: list[Annotated[int, whole]] | None = None


class Server(OpenModel):
    """Where server messages go."""

    url: Url | None = None
    timeout_seconds: float | None = Field(None, ge=1, le=300)
    credential_id: Uuid | None = Field(
        None, description="A credential of provider webhook or custom-credential."
    )
    secret: ServerSecret = None
    headers: dict[str, Annotated[str, plain]] | None = Field(
        None, description="Extra request headers; stored sealed, never given back."
    )
    backoff_plan: BackoffPlan | None = None


class Transport(OpenModel):
    """Who answers the media socket: ``echo``, or ``stream`` with the address of a websocket."""

    provider: str | None = None
    conversation_type: str | None = Field(
        None, description="conversation-relay: the carrier that `provider` names hears and speaks."
    )
    url: SocketUrl | None = Field(None, description="Required with provider `stream`.")
    headers: dict[str, Annotated[str, plain]] | None = None

    @model_validator(mode="after")
    def _stream_has_url(self) -> Self:
        if self.provider == "stream" and not self.url:
            raise wrong_object("url should not be empty")
        return self


class Assistant(OpenModel):
    """A voice assistant."""

    name: ShortText | None = None
    first_message: str | None = None
    max_duration_seconds: Annotated[int, Field(ge=10, le=43200), whole] | None = None
    server: Server | None = None
    server_url: Url | None = Field(None, description="The older spelling of server.url.")
    server_url_secret: ServerSecret = None
    server_messages: list[str] | None = Field(None, description="Types of messages to send.")
    transport: Transport | None = None
    voicemail_detection: Any = None
    metadata: Metadata | None = None


class AssistantOverrides(Assistant):
    """Fields to replace in the assistant for one call."""

    variable_values: JsonDict | None = Field(
        None, description="Values for {{variables}} in the assistant's texts."
    )
