"""Names for JSON as Python has it after parsing. Its values are of any type: readers check them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JsonObject = Mapping[str, Any]
"""A JSON object to read: a client's, a carrier's or a vendor's."""
JsonDict = dict[str, Any]
"""A JSON object that we build."""

NOTHING: JsonObject = {}
"""The empty object, as a default."""
