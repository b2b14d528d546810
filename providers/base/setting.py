"""The environment variables of a carrier's default account, as rows of a table.

``app/settings.py`` reads the rows of every carrier, and ``docs/settings.md`` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SettingKind(StrEnum):
    """How the text of a variable is read."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105
    """May also be given as ``NAME_FILE``, the path of a file that holds it."""
    LIST = "list"
    """Several secrets, comma separated, the newest first."""
    PEM = "pem"
    """A secret of several lines; ``\\n`` stands for a line end where only one line is possible."""
    URL = "url"
    """``http`` or ``https``, absolute, without a query."""


NUMBER = "number"
"""``Setting.field`` of the default phone number."""
API_URL = "api url"
"""``Setting.field`` of another address for the carrier's REST API."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable. The variables of a carrier make one credential body, and perhaps a number."""

    variable: str
    field: str
    """The field of the body for ``AccountConfig.credential``; or ``NUMBER`` or ``API_URL``."""
    meaning: str
    """Its row in ``docs/settings.md``."""
    kind: SettingKind = SettingKind.TEXT
    required: bool = False
    """An account without it verifies nothing: it must be set once the account or the number is."""
    default: str = "–"
    """What stands in the default column of ``docs/settings.md``."""
