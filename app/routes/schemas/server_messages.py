"""The queries about server messages of all calls."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from app.routes.schemas.calls import Page

MOST_RESENT = 500


class ListServerMessages(Page):
    """Which messages to list. Delivered ones are listed with their call."""

    state: Literal["failed", "pending"] = Field("failed", description="Default failed.")


class ResendServerMessages(Page):
    """Which failed messages to send again: as the list has them, at most ``limit``."""

    limit: int = Field(100, ge=1, le=MOST_RESENT)
