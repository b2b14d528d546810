"""What this installation does with the fields of an assistant or number, for the API and the command."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator

from sqlalchemy.engine import Connection

from app.domain.assistant import number_hooks, squad, transfer_places
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import Finding, check_number
from app.domain.assistant.fields import object_of, objects_of, text_of
from app.domain.assistant.served_fields import Fate
from app.domain.calls import stored_resources
from app.domain.context import Context
from app.domain.errors import NotFound
from app.domain.legs import destinations
from app.domain.resources import squads, stored
from app.domain.resources.assistant_check import findings
from app.settings import Settings
from app.store import accounts
from providers.base.carrier import Carrier
from providers.common.json_types import JsonObject

log = logging.getLogger(__name__)


class CheckService:
    """The checks of one organisation's assistants and numbers. They change nothing."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def stored(self, org_id: str, id: str) -> list[Finding]:
        """Of a stored assistant. Raises ``NotFound``."""
        with self.context.store.read() as conn:
            found = stored_resources.stored_assistant(self.context, conn, org_id, id)
            if found is None:
                raise NotFound("Assistant", id)
            return self.within(conn, org_id, found)

    def number(self, org_id: str, made: JsonObject) -> list[Finding]:
        """Of a stored phone number: what has no effect, and where no transfer goes."""
        found = check_number(made)
        with self.context.store.read() as conn:
            own = accounts.org_numbers(conn, org_id)
        given = [("fallbackDestination", object_of(made, "fallbackDestination"))]
        there = [*given, *number_hooks.places(made)]
        return [*found, *_closed_places(self.context.settings, own, there)]

    def squad(self, org_id: str, made: JsonObject) -> list[Finding]:
        """Of a stored squad's members: whom they hand over to, and their own fields."""
        with self.context.store.read() as conn:
            whole = squads.whole(self.context, conn, org_id, str(made["id"]))
            return self._of_members(conn, org_id, whole)

    def squad_within(self, conn: Connection, org_id: str, whole: JsonObject) -> list[Finding]:
        """Of a squad that is about to be stored in this transaction."""
        return self._of_members(conn, org_id, whole)

    def _of_members(self, conn: Connection, org_id: str, whole: JsonObject) -> list[Finding]:
        find = stored.finder(self.context, conn, org_id)
        found = [*squad.check_names(whole, find)]
        for number, given in enumerate(objects_of(whole, squad.MEMBERS)):
            own = {*object_of(given, "assistant"), *object_of(given, "assistantOverrides")}
            path = f"{squad.MEMBERS}.{number}.assistant."
            for member in squad.members({**whole, squad.MEMBERS: [given]}, find):
                told = self._own(self.within(conn, org_id, member.assistant), own)
                found += [each._replace(path=path + each.path) for each in told]
        return found

    def given(self, org_id: str, body: JsonObject) -> list[Finding]:
        """Of the body of a call: its assistant and its overrides, which a stored one may have.

        What has no effect is listed for the body's own fields, and not again for the stored ones.
        """
        if body.get("squad") or body.get("squadId"):
            return self._given_squad(org_id, body)
        overrides = body.get("assistantOverrides")
        own = {*(body.get("assistant") or {}), *(overrides or {})}
        with self.context.store.read() as conn:
            assistant = AssistantConfig(body.get("assistant") or {})
            if id := body.get("assistantId"):
                stored = stored_resources.stored_assistant(self.context, conn, org_id, id)
                assistant = stored or assistant
            whole = assistant.with_overrides(overrides)
            found = self.within(conn, org_id, whole, [*_numbers_of(body)])
            found += self._at_carrier(whole, self._carrier(conn, org_id, body), found)
        return self._own(found, own)

    def _at_carrier(
        self, assistant: AssistantConfig, carrier: Carrier | None, known: Iterable[Finding]
    ) -> list[Finding]:
        """What has no effect at the call's carrier alone."""
        told = {each.path for each in known if each.fate is Fate.IGNORED}
        idle = transfer_places.without_effect(assistant.transfers, carrier)
        return [Finding(path, Fate.IGNORED, why) for path, why in idle if path not in told]

    def _carrier(self, conn: Connection, org_id: str, body: JsonObject) -> Carrier | None:
        """The call's carrier, if its body names the number's id or a provider."""
        if id := body.get("phoneNumberId"):
            row = stored_resources.stored_number(self.context, conn, org_id, id)
            return self.context.providers.get(str(row["provider"])) if row else None
        return self.context.providers.get(text_of(object_of(body, "phoneNumber"), "provider"))

    def _given_squad(self, org_id: str, body: JsonObject) -> list[Finding]:
        """Of a call's own squad, or of the overrides for a stored one."""
        overrides = (body.get("assistantOverrides"), body.get("squadOverrides"))
        with self.context.store.read() as conn:
            whole = body.get("squad") or squads.whole(self.context, conn, org_id, body["squadId"])
            found = self._of_members(conn, org_id, squad.with_overrides(whole, *overrides))
        return [each for each in found if body.get("squad") or each.fate is Fate.REFUSED]

    def _own(self, found: Iterable[Finding], own: Collection[str]) -> list[Finding]:
        """Without what has no effect in other fields than these."""
        return [
            each
            for each in found
            if each.fate is not Fate.IGNORED or each.path.partition(".")[0] in own
        ]

    def within(
        self,
        conn: Connection,
        org_id: str,
        assistant: AssistantConfig,
        numbers: Collection[str] = (),
    ) -> list[Finding]:
        """Of an assistant that is about to be stored in this transaction.

        ``numbers``: of the call, beside the stored ones of the organisation.
        """
        found = findings(self.context, conn, org_id, assistant)
        if places := [*_of_tools(assistant)]:
            own = {*accounts.org_numbers(conn, org_id), *numbers}
            found += _closed_places(self.context.settings, own, places)
        return found


def _numbers_of(body: JsonObject) -> Iterator[str]:
    """The number that a call's body brings."""
    given = object_of(body, "phoneNumber")
    for name in ("number", "twilioPhoneNumber", "vonagePhoneNumber"):
        if number := text_of(given, name):
            yield number


def _of_tools(assistant: AssistantConfig) -> Iterator[tuple[str, JsonObject]]:
    """The destinations of its transfers, with their paths."""
    for number, tool in enumerate(objects_of(assistant.model, "tools")):
        for place_number, place in enumerate(objects_of(tool, "destinations")):
            yield f"model.tools.{number}.destinations.{place_number}", place


def _closed_places(
    settings: Settings, own: Collection[str], places: Iterable[tuple[str, JsonObject]]
) -> Iterator[Finding]:
    """The destinations that this installation does not dial.

    Which countries are allowed may depend on numbers that are not known yet.
    """
    if not own and not settings.allowed_countries:
        return
    for path, place in places:
        name = {"number": "number", "sip": "sipUri"}.get(text_of(place, "type"), "")
        if not text_of(place, name) or "{{" in text_of(place, name):
            continue
        if problem := destinations.place_problem(settings, place, own):
            why = f"no transfer goes there: {problem}"
            yield Finding(f"{path}.{name}", Fate.IGNORED, why, wrong=True)
