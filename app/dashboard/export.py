"""Calls as CSV or JSON, written page by page into a file that may leave the memory."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from collections.abc import Iterable
from typing import IO, Any

from app.domain.dashboard.rows import CallRow

KINDS = {"csv": "text/csv", "json": "application/json"}
IN_MEMORY = 1_000_000
"""Bytes; a longer file is written to the disk."""

COLUMNS = (
    "id",
    "createdAt",
    "caller",
    "ourNumber",
    "assistant",
    "carrier",
    "direction",
    "status",
    "seconds",
    "endedReason",
    "sentence",
    "cost",
    "report",
)
FORMULA = re.compile(r"[=+\-@\t\r]")
PHONE_NUMBER = re.compile(r"\+\d+")


def write(found: Iterable[CallRow], kind: str) -> IO[bytes]:
    """The file of these calls."""
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # sent, then closed
    text = io.TextIOWrapper(file, "utf-8", newline="")
    (_write_csv if kind == "csv" else _write_json)(text, found)
    text.flush()
    text.detach()
    return file


def _values(row: CallRow) -> tuple[Any, ...]:
    sentence = row.told.sentence if row.told else ""
    who = row.id, row.created_at, row.caller, row.our_number, row.assistant
    what = row.carrier, row.direction, row.status, row.seconds
    return *who, *what, row.reason, sentence, row.cost, row.report


def _write_csv(text: IO[str], found: Iterable[CallRow]) -> None:
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in found:
        writer.writerow([_cell(value) for value in _values(row)])


def _cell(value: Any) -> Any:
    """A spreadsheet would run a text that begins like a formula. A phone number is none."""
    harmless = not isinstance(value, str) or PHONE_NUMBER.fullmatch(value)
    return value if harmless or not FORMULA.match(value) else f"'{value}"


def _write_json(text: IO[str], found: Iterable[CallRow]) -> None:
    text.write("[")
    for number, row in enumerate(found):
        text.write(",\n" if number else "\n")
        json.dump(dict(zip(COLUMNS, _values(row), strict=True)), text)
    text.write("\n]\n")
