"""``patchbay check``: what this installation would do with an assistant, field by field.

An assistant in a file needs no server and no database. Of the accounts only the environment's and
the assistant's own are known then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from app import settings as settings_module
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import Finding
from app.domain.assistant.installation import Installation, check, operators
from app.domain.assistant.outgoing import check_outgoing
from app.domain.assistant.served_fields import Fate
from app.domain.errors import Invalid
from app.domain.ids import parse_uuid
from app.domain.resources.vendor_accounts import own_accounts
from app.routes.schemas.assistants import Assistant
from app.routes.schemas.wording import messages
from app.settings import Settings
from app.store import accounts
from app.wiring import Services, url_rule
from providers.common.json_types import JsonDict, JsonObject

OFFLINE = {"SECRET_KEY": "nothing is sealed by a check"}
"""A setting that a check does without: it would be made, and written to a file."""


class NoAssistant(Exception):
    """There is nothing to check, and the sentence says why."""


def of_file(path: str) -> list[Finding]:
    """The findings of a file's assistant, or of a call's body with its overrides."""
    settings = settings_module.load({**OFFLINE, **os.environ})
    assistant = AssistantConfig(_read(path))
    wrong = [Finding("", Fate.REFUSED, text) for text in _refusals(assistant.json, settings)]
    known = {**operators(settings), **own_accounts(assistant)}
    return [*wrong, *check(assistant, Installation(settings, known))]


def of_stored(services: Services, id: str) -> list[Finding]:
    """The findings of a stored assistant, whichever organisation it is of."""
    known = parse_uuid(id)
    with services.store.read() as conn:
        org_id = accounts.org_of_assistant(conn, known) if known else None
    if known is None or org_id is None:
        raise NoAssistant(f"there is no assistant {id}")
    return services.checks.stored(org_id, known)


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    for each in findings:
        yield f"{each.fate:<8} {str(each).removeprefix(': ')}"


def _read(path: str) -> JsonDict:
    try:
        found = json.loads(Path(path).read_text())
    except OSError as error:
        raise NoAssistant(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise NoAssistant(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise NoAssistant(f"{path} is not a JSON object")
    whole = found.get("assistant", found)
    overrides = found.get("assistantOverrides")
    if not isinstance(whole, dict) or not isinstance(overrides or {}, dict):
        raise NoAssistant(f"{path} has no assistant")
    return dict(AssistantConfig(whole).with_overrides(overrides).json)


def _refusals(assistant: JsonObject, settings: Settings) -> Iterator[str]:
    """What the API answers with 400, apart from the vendors."""
    try:
        Assistant.model_validate(assistant)
    except ValidationError as error:
        yield from messages(error)
    try:
        check_outgoing(assistant, url_rule(settings))
    except Invalid as error:
        yield from error.sentences
