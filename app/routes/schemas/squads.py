"""Squads. Only the fields that this program uses are checked; all others are kept as they came.

https://docs.vapi.ai/api-reference/squads/create
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.domain.assistant.squad import MOST
from app.routes.schemas.assistants import Assistant, AssistantOverrides
from app.routes.schemas.base import LEFT_OUT, OpenModel, Reference, whole
from app.routes.schemas.wording import wrong_object
from providers.common.json_types import JsonDict


class ContextPlan(OpenModel):
    """Which messages the next assistant knows."""

    type: Literal[
        "all", "lastNMessages", "none", "userAndAssistantMessages", "previousAssistantMessages"
    ]
    max_messages: Annotated[int, Field(ge=0, le=1000), whole] | None = Field(
        None, description="Required with type `lastNMessages`."
    )

    @model_validator(mode="after")
    def _has_number(self) -> Self:
        if self.type == "lastNMessages" and self.max_messages is None:
            raise wrong_object("maxMessages should not be empty")
        return self


class AssistantDestination(OpenModel):
    """Another assistant that a member may hand the call to."""

    type: Literal["assistant"]
    assistant_name: str | None = Field(None, max_length=80, description="Of a member.")
    assistant_id: Reference | None = None
    assistant: Assistant | None = None
    assistant_overrides: AssistantOverrides | None = None
    description: str | None = Field(None, description="When to hand over, for the model.")
    message: str | JsonDict | None = Field(
        None, description="Spoken first, in the older form; empty: nothing is."
    )
    transfer_mode: (
        Literal[
            "rolling-history",
            "swap-system-message-in-history",
            "swap-system-message-in-history-and-remove-transfer-tool-messages",
            "delete-history",
        ]
        | None
    ) = None
    context_engineering_plan: ContextPlan | None = None
    variable_extraction_plan: JsonDict | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if not (self.assistant_name or self.assistant_id or self.assistant):
            raise wrong_object("assistantName should not be empty")
        return self


class SquadMember(OpenModel):
    """An assistant of a squad: a stored one, or one of its own."""

    assistant_id: Reference | None = None
    assistant: Assistant | None = None
    assistant_overrides: AssistantOverrides | None = None
    assistant_destinations: list[AssistantDestination] | None = None

    @model_validator(mode="after")
    def _either_or(self) -> Self:
        if bool(self.assistant_id) == (self.assistant is not None):
            raise wrong_object("Use either `assistantId` or `assistant` for each member.")
        return self


Members = Annotated[list[SquadMember], Field(min_length=1, max_length=MOST)]


class UpdateSquad(OpenModel):
    """Fields to replace in a squad."""

    name: str | None = Field(None, max_length=80)
    members: Members = LEFT_OUT
    members_overrides: AssistantOverrides | None = Field(
        None, description="For every member, over its own overrides."
    )


class CreateSquad(UpdateSquad):
    """Several assistants for one call. The first one begins."""

    members: Members = Field(description="The first one begins.")
