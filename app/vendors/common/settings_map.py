"""Maps Vapi's field names to a vendor's own, by a table."""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.field import Field, problems
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict


def read(stage: str, config: Config, table: Mapping[str, Field], **defaults: object) -> JsonDict:
    """The vendor's settings in ``config``, over ``defaults``. Raises ``UnbuildableAssistant``."""
    for name, problem in problems(config, table):
        provider = str(config.get("provider"))
        raise UnbuildableAssistant(stage, provider, f"{stage}.{name} {problem}.")
    given = {name: config[name] for name in table if config.get(name) is not None}
    return defaults | {table[name].name: table[name].read(given[name]) for name in given}
