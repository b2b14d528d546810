"""Accounts at carriers and vendors. The carrier's package or the domain checks their own fields."""

from __future__ import annotations

from pydantic import Field

from app.routes.schemas.base import HOLDERS, LEFT_OUT, AccountHolder, OpenModel, ShortText

FIELDS = "Its own fields stand beside it; its secrets are stored sealed and never shown."


class CreateCredential(OpenModel):
    """An account at a carrier, or at a vendor of models, voices or transcribers."""

    provider: AccountHolder = Field(description=f"One of {', '.join(HOLDERS)}. {FIELDS}")
    name: ShortText | None = None


class UpdateCredential(OpenModel):
    """A new name, or the account's secrets anew: then all of them, as on creation."""

    provider: AccountHolder = LEFT_OUT
    name: ShortText | None = None
