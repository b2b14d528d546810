"""Maps Vapi's field names to a vendor's own, by a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict


@dataclass(frozen=True, slots=True)
class Field:
    """``name``: the vendor's. ``kind``: the type of Vapi's field: bool, int, float, str or list."""

    name: str
    kind: type

    def accepts(self, value: object) -> bool:
        """Whether the value has this type.

        JSON's whole numbers may come as 10.0; a boolean is not a number.
        """
        if self.kind in (int, float):
            return isinstance(value, int | float) and not isinstance(value, bool)
        if self.kind is list:
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
        return isinstance(value, self.kind)


def read(stage: str, config: Config, table: Mapping[str, Field], **defaults: object) -> JsonDict:
    """The vendor's settings in ``config``, over ``defaults``. Raises ``UnbuildableAssistant``."""
    settings = dict(defaults)
    for given, field in table.items():
        value = config.get(given)
        if value is None:
            continue
        if not field.accepts(value):
            kind = "list of texts" if field.kind is list else field.kind.__name__
            provider = str(config.get("provider"))
            raise UnbuildableAssistant(stage, provider, f"{stage}.{given} is not a {kind}.")
        settings[field.name] = field.kind(value)
    return settings
