"""Structured outputs. https://docs.vapi.ai/api-reference/structured-outputs/create"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.routes.schemas.base import LEFT_OUT, Model, OpenModel, Uuid, whole
from providers.common.json_types import JsonDict


class MinMessages(Model):
    """At least so many messages were said. Without this condition two are needed."""

    type: Literal["minMessages"]
    count: Annotated[int, Field(ge=0, le=1000), whole]


class MinCallDuration(Model):
    """The call lasted at least so long."""

    type: Literal["minCallDuration"]
    seconds: float = Field(ge=0)


class EndedReasons(Model):
    """The call's ended reason is one of these, or none of them."""

    type: Literal["endedReason"]
    operator: Literal["oneOf", "notOneOf"]
    values: list[str] = Field(min_length=1, max_length=100)


Condition = Annotated[MinMessages | MinCallDuration | EndedReasons, Field(discriminator="type")]


class OutputCompliance(Model):
    """Of an output."""

    force_store_on_hipaa_enabled: bool | None = Field(
        None, description="The result of a call without a record is kept all the same."
    )


class OutputModel(OpenModel):
    """The model that extracts, with messages of your own; without one the assistant's."""

    provider: str = Field(min_length=1)
    messages: list[JsonDict] | None = Field(None, max_length=20)


class UpdateStructuredOutput(Model):
    """The fields of a structured output."""

    name: Annotated[str, Field(min_length=1, max_length=40)] = LEFT_OUT
    schema_: JsonDict = Field(LEFT_OUT, alias="schema", description="A JSON Schema.")
    type: Literal["ai", "regex"] | None = Field(None, description="Default ai.")
    regex: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        None, description="Required with type `regex`; matched with the transcript."
    )
    description: Annotated[str, Field(max_length=10_000)] | None = None
    model: OutputModel | None = None
    assistant_ids: list[Uuid] | None = Field(
        None, max_length=1000, description="Assistants whose calls have this output."
    )
    conditions: list[Condition] | None = Field(None, max_length=20)
    compliance_plan: OutputCompliance | None = None
    workflow_ids: list[Any] | None = Field(None, max_length=0, description="Always empty.")


class StructuredOutput(UpdateStructuredOutput):
    """Data to extract from a call after its end."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    schema_: JsonDict = Field(alias="schema", description="A JSON Schema.")
