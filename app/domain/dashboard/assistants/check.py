"""The check of an assistant that is being edited. Nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import Finding
from app.domain.assistant.rendering import problems as template_problems
from app.domain.assistant.secrets import with_secrets
from app.domain.context import Context, iso
from app.domain.errors import Invalid
from app.domain.resources.assistant_check import findings
from app.domain.resources.assistants import OWN_FIELDS, Assistants
from app.domain.resources.vendor_accounts import accounts_for_call
from app.vendors.common.account import VendorAccounts
from providers.common.json_types import JsonDict, JsonObject

MOST_TEMPLATES = 10
WHOLE_SECRETS = ("credentials",)
"""Fields that are secret as a whole, and so not a part of what is seen."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored assistant. ``public`` is what a person sees of ``whole``."""

    id: str
    public: JsonDict
    whole: JsonDict
    updated_at: str


@dataclass(frozen=True, slots=True)
class Checked:
    """``findings``: each field's fate; ``problems``: why it is refused; ``templates``: their faults."""

    findings: list[Finding]
    problems: list[str]
    templates: list[str]
    accounts: VendorAccounts


def stored(context: Context, org_id: str, id: str) -> Stored:
    """One stored assistant, with its secrets apart. Raises ``NotFound``."""
    assistants = Assistants(context)
    with context.store.read() as conn:
        row = assistants.row(conn, org_id, id)
        whole = assistants.full(row)
    public = {name: value for name, value in row["body"].items() if name not in OWN_FIELDS}
    return Stored(row["id"], public, whole, iso(row["updated_at"]) or "")


def whole(before: Stored | None, public: JsonObject) -> JsonDict:
    """What was edited, with the secrets that are stored."""
    if before is None:
        return dict(public)
    made: JsonDict = with_secrets(before.whole, public)
    own = {name: before.whole[name] for name in WHOLE_SECRETS if name in before.whole}
    return {**own, **made}


def judge(context: Context, org_id: str, assistant: JsonObject, problems: list[str]) -> Checked:
    """``problems``: what the schema says of it. Only without any is it checked as on saving."""
    config = AssistantConfig(assistant)
    with context.store.read() as conn:
        accounts = accounts_for_call(context, conn, org_id, config)
        if not problems:
            given = {name: value for name, value in assistant.items() if value is not None}
            try:
                Assistants(context).values(conn, org_id, given)
            except Invalid as error:
                problems = error.sentences
        found = findings(context, conn, org_id, config, accounts)
    return Checked(found, problems, template_problems(assistant)[:MOST_TEMPLATES], accounts)
