"""What a person does to assistants: save, duplicate, delete."""

from __future__ import annotations

from app.domain.context import Context
from app.domain.dashboard.assistants.check import Stored, stored
from app.domain.resources.assistants import Assistants
from app.domain.resources.phone_numbers import PhoneNumbers
from app.store.resources import Window
from providers.common.json_types import JsonDict, JsonObject

MOST_NAME = 40
"""Characters of an assistant's name."""
COPY = " (copy)"
MOST_NUMBERS = 1000


def create(context: Context, org_id: str, assistant: JsonObject) -> str:
    """The id of the new one. Raises ``Invalid``."""
    return str(Assistants(context).create(org_id, assistant)["id"])


def save(
    context: Context, org_id: str, before: Stored, assistant: JsonObject, read_at: str
) -> None:
    """Store the edited one. Stored secrets stay, unless it has others.

    Raises ``Invalid``, and ``Conflict`` if it has changed since ``read_at``.
    """
    gone: JsonDict = dict.fromkeys(before.public.keys() - assistant.keys())
    Assistants(context).patch(org_id, before.id, {**gone, **assistant}, read_at=read_at)


def duplicate(context: Context, org_id: str, id: str) -> str:
    """The id of the copy, which has the secrets too."""
    found = stored(context, org_id, id)
    name = str(found.whole.get("name") or "Assistant")
    copy = {**found.whole, "name": name[: MOST_NAME - len(COPY)] + COPY}
    return create(context, org_id, copy)


def used_by(context: Context, org_id: str, id: str) -> list[str]:
    """What would be without an assistant: phone numbers, and the setting."""
    numbers = PhoneNumbers(context).list(org_id, Window(limit=MOST_NUMBERS))
    found = [
        f"the number {each.get('name') or each.get('number') or each['id']}"
        for each in numbers
        if each.get("assistantId") == id
    ]
    setting = ["the setting ASSISTANT_ID"] if context.settings.assistant_id == id else []
    return [*found, *setting]
