"""Stored structured outputs, and those that a call of an assistant has."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence

from sqlalchemy.engine import Connection

from app.domain.assistant import structured_outputs as outputs
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import list_of, object_of, texts_of
from app.domain.assistant.structured_outputs import MOST, REGEX, StructuredOutput
from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.overlay import merge
from app.domain.resources.base import ResourceStore, paged
from app.store import resources as store
from app.store.kept import kept
from app.store.resources import NumberPage, Window
from app.store.schema import structured_outputs
from providers.common.json_types import JsonDict, JsonObject

MOST_OF_ORG = 1000
"""Stored outputs of one organisation."""
NEEDED = ("name", "schema")
MISSING = "this structured output does not exist"
LITERAL = re.compile(r"/(.*)/[a-z]*", re.DOTALL)


class StructuredOutputs(ResourceStore):
    """Structured outputs: ``/structured-output``."""

    what = "StructuredOutput"
    table = structured_outputs

    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        problems = [*problems_of(body)]
        if problems:
            raise Invalid(problems)
        return self.sealed(body)

    def create(self, org_id: str, body: JsonObject) -> JsonDict:
        with self.context.store.read() as conn:
            if store.count(conn, self.table, org_id) >= MOST_OF_ORG:
                raise Invalid(f"There are {MOST_OF_ORG} structured outputs already: delete some")
        return super().create(org_id, body)

    def page(self, org_id: str, window: Window, wanted: NumberPage) -> JsonDict:
        with self.context.store.read() as conn:
            rows, total = store.page(conn, self.table, org_id, window, wanted)
        shown = [self.json(row) for row in rows]
        return paged(shown, total, window.limit, wanted.number)


def problems_of(body: JsonObject, path: str = "") -> Iterator[str]:
    """What of a definition can never be extracted, a sentence each."""
    if body.get("type") == REGEX and not body.get("regex"):
        yield f"{path}regex should not be empty with type `regex`"
    if body.get("regex"):
        yield from _wrong_pattern(str(body["regex"]), path)
    yield from _wrong_schema(object_of(body, "schema"), path)


def check_own(assistant: JsonObject, path: str = "") -> None:
    """Raises ``Invalid`` for an assistant's structured outputs that can never be extracted."""
    artifact, where = object_of(assistant, "artifactPlan"), f"{path}artifactPlan."
    wrong = [
        f"{where}{name} must contain no more than {MOST} elements"
        for name in ("structuredOutputIds", "structuredOutputs")
        if len(list_of(artifact, name)) > MOST
    ]
    for number, each in enumerate(outputs.plan(assistant).own):
        here = f"{where}structuredOutputs.{number}."
        wrong += [f"{here}{name} should not be empty" for name in NEEDED if not each.get(name)]
        wrong += problems_of(each, here)
    if wrong:
        raise Invalid(wrong)


def are_wanted(
    conn: Connection, org_id: str, assistant_id: str | None, assistant: AssistantConfig
) -> bool:
    """Whether a call of this assistant has structured outputs."""
    return bool(assistant.structured_outputs) or bool(_linked(conn, org_id, assistant_id))


def of_call(
    context: Context,
    conn: Connection,
    call_id: str,
    org_id: str,
    assistant_id: str | None,
    assistant: AssistantConfig,
) -> tuple[Sequence[StructuredOutput], Sequence[str]]:
    """The definitions for a call, as they are now; and the ids that no longer exist."""
    plan = assistant.structured_outputs
    ids = [*dict.fromkeys([*plan.ids, *_linked(conn, org_id, assistant_id)])][:MOST]
    rows = {id: store.get_kept(conn, structured_outputs, org_id, id) for id in ids}
    stored = [outputs.parse(id, _whole(context, row)) for id, row in rows.items() if row]
    own = [outputs.parse(_own_id(call_id, n), each) for n, each in enumerate(plan.own)]
    return [*stored, *own][:MOST], [id for id, row in rows.items() if row is None]


def _whole(context: Context, row: JsonObject) -> JsonDict:
    return merge(row["body"], context.vault.open(row["secret"]))


def _own_id(call_id: str, number: int) -> str:
    """The key of an output that is not stored: the same at each attempt."""
    return str(uuid.uuid5(uuid.UUID(call_id), f"structured-output {number}"))


def _linked(conn: Connection, org_id: str, assistant_id: str | None) -> Sequence[str]:
    """The ids of stored outputs whose ``assistantIds`` has this assistant."""

    def load() -> tuple[dict[str, list[str]]]:
        found: dict[str, list[str]] = {}
        for row in store.listing(conn, structured_outputs, org_id, Window(MOST_OF_ORG)):
            for each in texts_of(row["body"], "assistantIds"):
                found.setdefault(each, []).append(row["id"])
        return (found,)

    return kept(conn, ("linked outputs", org_id), load)[0].get(assistant_id or "", [])


def _wrong_pattern(pattern: str, path: str) -> Iterator[str]:
    literal = LITERAL.fullmatch(pattern)
    try:
        re.compile(literal[1] if literal else pattern)
    except re.error as error:
        yield f"{path}regex is no regular expression: {error}"


def _wrong_schema(schema: JsonObject, path: str) -> Iterator[str]:
    from jsonschema import exceptions, validators  # type: ignore[import-untyped]

    try:
        validators.validator_for(schema).check_schema(schema)
    except exceptions.SchemaError as error:
        place = ".".join(map(str, error.absolute_path))
        yield f"{path}schema is no JSON Schema: {place}: {str(error.message)[:200]}"
