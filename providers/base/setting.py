"""The environment variables of a carrier's default account, as rows of a table.

``app/settings/`` reads the rows of every carrier, and ``docs/settings.md`` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SettingKind(StrEnum):
    """The parser for a variable's text."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105
    """A secret, also read from the file whose path is in ``NAME_FILE``."""
    LIST = "list"
    """Several secrets, comma separated, the newest first."""
    PEM = "pem"
    """A secret of several lines; ``\\n`` stands for a line end where only one line is possible."""
    HOST = "host"
    """The name of a host, without scheme, port and path."""
    URL = "url"
    """``http`` or ``https``, absolute, without a query."""


NUMBER = "number"
"""``Setting.field`` of the default phone number."""
API_URL = "api url"
"""``Setting.field`` of another address for the carrier's REST API."""
SIP_DOMAIN = "sip domain"
"""``Setting.field`` of the domain at the carrier whose SIP calls reach our answer URL."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable. A carrier's variables form one credential body, and perhaps a number."""

    variable: str
    field: str
    """The field of the body for ``AccountConfig.credential``; or one of the names above."""
    meaning: str
    """Its row in ``docs/settings.md``."""
    kind: SettingKind = SettingKind.TEXT
    required: bool = False
    """An account needs it to verify requests: it must be set if the account or number is."""
    default: str = "–"
    """Its default column in ``docs/settings.md``."""
