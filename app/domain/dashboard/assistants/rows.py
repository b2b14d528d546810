"""The list of assistants for people."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import Json, text_of
from app.domain.assistant.served_fields import Fate
from app.domain.context import Context, iso
from app.domain.resources.assistant_check import findings
from app.domain.resources.assistants import Assistants
from app.store import call_lists, resources
from app.store.call_lists import CallFilter
from app.store.resources import NumberPage, Window

PAGE_ROWS = 25


@dataclass(frozen=True, slots=True)
class AssistantRow:
    """One line. ``failing`` and ``idle`` count fields: calls fail by them, or they have no effect."""

    id: str
    name: str
    model: str
    voice: str
    transcriber: str
    backend: str
    """What answers instead of these three; empty: they do."""
    updated_at: str
    failing: int
    idle: int
    calls: int


@dataclass(frozen=True, slots=True)
class AssistantPage:
    """``total`` counts all pages."""

    rows: list[AssistantRow]
    total: int
    number: int
    pages: int


def page(context: Context, org_id: str, number: int, search: str = "") -> AssistantPage:
    """One page, the newest first. ``search``: a part of the name."""
    assistants = Assistants(context)
    wanted = NumberPage(number, search or None)
    with context.store.read() as conn:
        window = Window(limit=PAGE_ROWS)
        found, total = resources.page(conn, assistants.table, org_id, window, wanted)
        made = []
        for row in found:
            config = AssistantConfig(assistants.full(row))
            fates = [each.fate for each in findings(context, conn, org_id, config)]
            calls = call_lists.count(conn, org_id, CallFilter({"assistant_id": row["id"]}))
            made.append(_row(context, row["id"], config, iso(row["updated_at"]), fates, calls))
    return AssistantPage(made, total, number, max(1, -(-total // PAGE_ROWS)))


def _row(
    context: Context,
    id: str,
    config: AssistantConfig,
    updated_at: str | None,
    fates: list[Fate],
    calls: int,
) -> AssistantRow:
    backend = config.transport.backend(context.settings)
    return AssistantRow(
        id=id,
        name=text_of(config.json, "name"),
        model=_named(config.model, "model"),
        voice=_named(config.voice, "voiceId"),
        transcriber="" if config.is_menu else _named(config.transcriber, "model"),
        backend="" if backend == "local" else backend,
        updated_at=updated_at or "",
        failing=fates.count(Fate.REFUSED),
        idle=fates.count(Fate.IGNORED),
        calls=calls,
    )


def _named(part: Json, name: str) -> str:
    """The provider, and what of it."""
    return f"{text_of(part, 'provider')} {text_of(part, name)}".strip()
