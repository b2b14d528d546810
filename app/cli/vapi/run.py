"""Imports what a source holds: ids first, then files, then all other objects in one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError
from sqlalchemy.engine import Connection

from app import deadline
from app.cli.vapi import accounts
from app.cli.vapi.bodies import about_missing, body_of
from app.cli.vapi.fates import Here
from app.cli.vapi.kinds import BY_NAME, FILE, KINDS, NUMBER, Kind, cannot_move
from app.cli.vapi.references import CREDENTIAL
from app.cli.vapi.report import GONE, REFUSED, Entry, Report
from app.cli.vapi.source import Found, Source, SourceError
from app.domain.assistant.field_check import Finding
from app.domain.assistant.served_fields import Fate
from app.domain.errors import Invalid
from app.domain.resources.files import MAX_NAME, readable
from app.domain.resources.importing import Importer, State, transaction
from app.routes.schemas.wording import messages
from app.store.blobs import BlobError
from app.wiring import Services
from providers.common.json_types import JsonDict

SECONDS = 600.0
"""Until the transaction must be done."""
BINARY = "application/octet-stream"
NO_ACCOUNT = "Couldn't Get Credential"
SET_ACCOUNT = "set the account of the number's carrier here, then import again"


def run(services: Services, org_id: str, source: Source, *, write: bool, overwrite: bool) -> Report:
    """Without ``write`` nothing is stored, and the report says what would be."""
    held = accounts.compare(services, org_id, source.credentials)
    names = {each.source_id: each.name or each.provider for each in source.credentials}
    work = _Run(services, org_id, source, write, overwrite, names)
    work.known[CREDENTIAL] = dict(held.ids)
    report = Report(write, [*held.entries], source.notes)
    deadline.begin(deadline.Deadline(time.monotonic() + SECONDS))
    try:
        work.find_ids()
        work.fetch_files()
        with transaction(services.context, org_id, write=write) as conn:
            report.entries.extend(work.store(conn))
    finally:
        deadline.begin(None)
    return report


@dataclass(frozen=True, slots=True)
class _Run:
    services: Services
    org_id: str
    source: Source
    write: bool
    overwrite: bool
    names: dict[str, str]
    """Id of a credential at the source -> its name."""
    known: dict[str, dict[str, str]] = field(default_factory=dict)
    """Kind -> id at the source, or its other name -> id here."""
    new_files: set[str] = field(default_factory=set)
    refused_files: dict[str, str] = field(default_factory=dict)

    def importer(self, conn: Connection) -> Importer:
        return Importer(self.services.context, conn, self.org_id, self.overwrite)

    def find_ids(self) -> None:
        """Choose every object's id, before any body refers to it."""
        with self.services.store.read() as conn:
            importer = self.importer(conn)
            for found in self.source.objects:
                kind = BY_NAME[found.kind]
                store = kind.store(self.services.resources)
                id = importer.id_for(store, kind.name, found.source_id, found.body)
                ids = self.known.setdefault(kind.name, {})
                ids[found.source_id] = id
                if found.alias:
                    ids[found.alias] = id
                if kind.name == FILE and importer.is_new(store, kind.name, found.source_id, id):
                    self.new_files.add(found.source_id)

    def fetch_files(self) -> None:
        """Fetch the new files; ``write``: store them. Their content is not in the transaction."""
        for found in self.source.objects:
            if found.kind != FILE or found.source_id not in self.new_files:
                continue
            try:
                self._fetch(found)
            except (SourceError, Invalid, BlobError) as error:
                self.refused_files[found.source_id] = str(error)

    def _fetch(self, found: Found) -> None:
        if self.source.content is None:
            raise SourceError("this source has no files")
        data = self.source.content(found)
        name = str(found.body.get("originalName") or found.name)
        readable(name, data)
        if self.write:
            mime = str(found.body.get("mimetype") or BINARY)
            about = {k: found.body[k] for k in ("purpose", "metadata") if found.body.get(k)}
            about["name"] = found.name[:MAX_NAME]
            id = self.known[FILE][found.source_id]
            self.services.resources.files.upload(self.org_id, name, mime, data, about, id)

    def store(self, conn: Connection) -> Iterator[Entry]:
        """An entry per object, in the order of the references, then what is gone."""
        importer = self.importer(conn)
        for kind in KINDS:
            ids = set[str]()
            for found in self.source.objects:
                if found.kind == kind.name:
                    ids.add(found.source_id)
                    yield self._entry(kind, found, importer)
            if kind.name in self.source.kinds:
                for source_id in importer.gone(kind.name, ids):
                    yield Entry(kind.name, source_id, GONE, source_id)

    def _entry(self, kind: Kind, found: Found, importer: Importer) -> Entry:
        if kind.name == NUMBER and (why := cannot_move(found.body.get("provider"))):
            return _refused(found, Finding("provider", Fate.REFUSED, why))
        if why := self.refused_files.get(found.source_id):
            return _refused(found, Finding("", Fate.REFUSED, why))
        body = body_of(kind, found, self.known)
        more = [*body.left_out, *about_missing(body.missing, self.names)]
        try:
            given = kind.schema.model_validate(body.json).given()
            state = self._put(kind, found, importer, given)
        except ValidationError as error:
            wrong = [Finding("", Fate.REFUSED, text) for text in messages(error)]
            return _refused(found, *wrong, *more)
        except Invalid as error:
            return _refused(found, *_reasons(error), *more)
        here = Here(self.services, importer.conn, self.org_id)
        id = self.known[kind.name][found.source_id]
        findings = [*kind.fates(here, given), *more]
        return Entry(kind.name, found.name, state, found.source_id, id, findings)

    def _put(self, kind: Kind, found: Found, importer: Importer, given: JsonDict) -> State:
        store, id = kind.store(self.services.resources), self.known[kind.name][found.source_id]
        state = importer.put(store, kind.name, found.source_id, id, given, kind.decided)
        return State.NEW if kind.name == FILE and found.source_id in self.new_files else state


def _refused(found: Found, *findings: Finding) -> Entry:
    return Entry(found.kind, found.name, REFUSED, found.source_id, findings=findings)


def _reasons(error: Invalid) -> Iterator[Finding]:
    for text in error.sentences:
        yield Finding("", Fate.REFUSED, text)
    if any(text.startswith(NO_ACCOUNT) for text in error.sentences):
        yield Finding("", Fate.REFUSED, SET_ACCOUNT)
