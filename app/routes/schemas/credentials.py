"""Accounts at carriers. Which fields an account has is the carrier's part to say and to check."""

from __future__ import annotations

from pydantic import Field

from app.routes.schemas.base import Carrier, OpenModel, ShortText
from providers.registry import PROVIDERS

FIELDS = "The carrier's own fields stand beside it; its secrets are stored sealed and never shown."


class CreateCredential(OpenModel):
    """An account at a carrier."""

    provider: Carrier = Field(description=f"One of {', '.join(PROVIDERS)}. {FIELDS}")
    name: ShortText | None = None


class UpdateCredential(OpenModel):
    """A new name, or the account's secrets anew: then all of them, as on creation."""

    provider: Carrier | None = None
    name: ShortText | None = None
