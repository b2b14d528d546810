"""Files of knowledge bases: kept in the recordings' store, their texts in the database.

https://docs.vapi.ai/api-reference/files/create
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import Connection

from app.domain.assistant import knowledge
from app.domain.assistant.fields import Json
from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.ids import parse_uuid
from app.domain.resources.base import ResourceStore, patched
from app.domain.resources.file_text import Unreadable, text_of_file
from app.store import files as texts
from app.store import resources as store
from app.store.again import one_transaction
from app.store.ids import new_id
from app.store.schema import files
from providers.common.json_types import JsonDict, JsonObject

MOST = 1000
"""Files of one organisation."""
MAX_BYTES = 1_000_000
MAX_NAME = 40
ERASE = "erase-files"
"""Kind of the job that deletes files without a row (``recordings/files.py``)."""
Found = texts.Found
RESULTS = 5
"""Chunks that a search gives."""


class Files(ResourceStore):
    """Files: ``/file``."""

    what = "File"
    table = files

    def upload(
        self,
        org_id: str,
        name: str,
        mime: str,
        data: bytes,
        more: JsonObject,
        id: str | None = None,
    ) -> JsonDict:
        """Store a file and its text. Raises ``Invalid``, ``BlobError``.

        ``id``: its id where it has one already; it must be free.
        """
        text = readable(name, data)
        with self.context.store.read() as conn:
            if store.count(conn, files, org_id) >= MOST:
                raise Invalid(f"There are {MOST} files already: delete some")
        id, now = id or new_id(), self.context.now()
        key = f"files/{org_id}/{id}.bin"
        _put(self.context, key, mime, data)
        about = {"name": name[:MAX_NAME], "originalName": name, "bytes": len(data)}
        body = {**about, "mimetype": mime, "parsedTextBytes": len(text.encode()), **more}
        row = {"id": id, "org_id": org_id, "created_at": now, "updated_at": now}
        row |= {"body": body, "blob": key}
        self._insert(row, text)
        return self.json(row)

    @one_transaction
    def _insert(self, row: JsonObject, text: str) -> None:
        with self.context.store.write() as conn:
            store.hold_org(conn, row["org_id"])
            store.insert(conn, files, row)
            texts.add_chunks(conn, row["id"], knowledge.chunks(text))

    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        """A file without its content, as a dry run of an import has it: ``upload`` stores that."""
        return {"body": dict(body), "blob": ""}

    def changes(self, conn: Connection, row: JsonObject, body: JsonObject) -> JsonDict:
        return {"body": patched(row["body"], body)}

    def remove(self, conn: Connection, row: JsonObject) -> None:
        texts.delete_chunks(conn, row["id"])
        super().remove(conn, row)
        self.context.jobs.enqueue(conn, ERASE, f"{ERASE}:{row['id']}", {"keys": [row["blob"]]})

    def json(self, row: JsonObject) -> JsonDict:
        return {**super().json(row), "object": "file", "status": "done"}


def check(conn: Connection, org_id: str, body: Json, path: str = "") -> None:
    """Raises ``Invalid`` for an assistant or a tool that names a file which does not exist."""
    named = dict.fromkeys(knowledge.named_files(body))
    if not named:
        return
    ids = {id: parse_uuid(id) for id in named}
    found = texts.known(conn, org_id, [id for id in ids.values() if id])
    for given, id in ids.items():
        if id not in found:
            raise Invalid(f"Couldn't Get File. `{path}fileIds` {given[:40]} Does Not Exist.")


def search(context: Context, org_id: str, ids: list[str], question: str) -> list[Found]:
    """The chunks of these files that fit the question best."""
    with context.store.read() as conn:
        wanted = knowledge.beginnings(question)
        return [*texts.search(conn, org_id, ids, wanted, RESULTS)]


def readable(name: str, data: bytes) -> str:
    """The text of a file. Raises ``Invalid`` for one that is not served."""
    if not data:
        raise Invalid("file should not be empty")
    if len(data) > MAX_BYTES:
        raise Invalid(f"file must not be larger than {MAX_BYTES} bytes")
    try:
        return text_of_file(name, data)
    except Unreadable as error:
        raise Invalid(f"file {error}") from None


def _put(context: Context, key: str, mime: str, data: bytes) -> None:
    with TemporaryDirectory(prefix="patchbay-") as place:
        path = Path(place) / "file"
        path.write_bytes(data)
        context.blobs.put(key, path, mime)
