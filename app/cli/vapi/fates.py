"""What becomes of each field of an imported object, by the tables that ``patchbay check`` uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import TOOLS, Finding, check_fields, check_number
from app.domain.assistant.served_fields import Fate
from app.wiring import Services
from providers.common.json_types import JsonDict


@dataclass(frozen=True, slots=True)
class Here:
    """The organisation that imports, within its transaction."""

    services: Services
    conn: Connection
    org_id: str


Fates = Callable[[Here, JsonDict], list[Finding]]


def of_assistant(here: Here, body: JsonDict) -> list[Finding]:
    """With the stages that no call could build."""
    return here.services.checks.within(here.conn, here.org_id, AssistantConfig(body))


def of_squad(here: Here, body: JsonDict) -> list[Finding]:
    """Its own fields, then those of its members."""
    within = here.services.checks.squad_within(here.conn, here.org_id, body)
    return [*_served(body), *within]


def of_tool(here: Here, body: JsonDict) -> list[Finding]:
    holder = f"{TOOLS}.0."
    found = check_fields({"model": {"tools": [body]}})
    return [each._replace(path=each.path.removeprefix(holder)) for each in found]


def of_number(here: Here, body: JsonDict) -> list[Finding]:
    idle = check_number(body)
    without = {each.path.partition(".")[0] for each in idle}
    return [*idle, *(each for each in served(here, body) if each.path not in without)]


def served(here: Here, body: JsonDict) -> list[Finding]:
    """All fields: the schema takes no others."""
    return [*_served(body)]


def _served(body: JsonDict) -> Iterator[Finding]:
    for name, value in body.items():
        if value is not None:
            yield Finding(name, Fate.SERVED)
