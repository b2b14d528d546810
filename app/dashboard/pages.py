"""Every page, in the order of the navigation. A module of pages has its own ``PAGES``."""

from __future__ import annotations

from app.dashboard import (
    assistants,
    assistants_edit,
    assistants_talk,
    call,
    call_actions,
    calls,
    credentials,
    doctor,
    explain,
    first_steps,
    keys,
    login,
    numbers,
    overview,
    wallboard,
)
from app.dashboard.table import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *calls.PAGES,
    *call.PAGES,
    *call_actions.PAGES,
    *assistants.PAGES,
    *assistants_edit.PAGES,
    *assistants_talk.PAGES,
    *wallboard.PAGES,
    *explain.PAGES,
    *numbers.PAGES,
    *credentials.PAGES,
    *keys.PAGES,
    *doctor.PAGES,
    *first_steps.PAGES,
    *login.PAGES,
)
