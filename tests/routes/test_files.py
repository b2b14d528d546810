"""/file: uploaded as a form, read, and named by assistants and tools."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.domain.resources import files
from app.domain.resources.files import MAX_BYTES
from app.wiring import Services
from tests.routes.api import UNKNOWN, Api, refused

HOURS = "Opening hours\nMonday to Friday from 9 to 5.\n\nPrices\nA haircut is 30 dollars.\n"


def upload(api: Api, data: bytes = HOURS.encode(), name: str = "shop.md", **form: Any) -> Any:
    return api.post("/file", data={"file": (BytesIO(data), name), **form})


def found(app: Flask, api: Api, id: str, question: str) -> list[tuple[str, str]]:
    services: Services = app.extensions["patchbay"]
    return [(f.file, f.text) for f in files.search(services.context, api.org_id, [id], question)]


def docx(text: str) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        markup = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p><w:p><w:t>more</w:t></w:p>"
        archive.writestr("word/document.xml", markup)
    return made.getvalue()


def test_one_is_uploaded_named_and_deleted(app: Flask, api: Api, tmp_path: Path) -> None:
    answer = upload(api, purpose="assistant", metadata='{"shop": 1}')
    assert answer.status_code == 201, answer.text
    made = answer.json
    assert {n: made[n] for n in ("name", "originalName", "bytes", "mimetype", "status")} == {
        "name": "shop.md",
        "originalName": "shop.md",
        "bytes": len(HOURS),
        "mimetype": "text/markdown",
        "status": "done",
    }
    assert (made["object"], made["metadata"]) == ("file", {"shop": 1})
    path = f"/file/{made['id']}"
    changed = api.patch(path, {"name": "Hours"}).json
    assert changed["name"] == "Hours"
    assert api.get("/file").json == [changed]
    assert found(app, api, made["id"], "opening") == [
        ("Hours", HOURS.strip().replace("\n\n", "\n"))
    ]
    assert api.delete(path).json == changed
    assert api.get(path).status_code == 404
    assert found(app, api, made["id"], "opening") == []


@pytest.mark.parametrize(
    ("name", "data", "question"),
    [
        ("a.txt", "Der Friseur öffnet um neun.", "Wann ÖFFNEN Sie?"),
        ("a.csv", "item,price\nhaircut,30\n", "price of haircuts"),
        ("a.json", '{"hours": {"monday": "9-5"}}', "hours on Monday"),
        ("a.html", "<style>no</style><p>Open on Monday</p><script>x</script>", "monday?"),
        ("a.docx", docx("Open &amp; cheap on Monday"), "Monday"),
    ],
)
def test_each_type_is_read(app: Flask, api: Api, name: str, data: Any, question: str) -> None:
    made = upload(api, data if isinstance(data, bytes) else data.encode(), name).json
    [(file, text)] = found(app, api, made["id"], question)
    assert file == name
    assert "<" not in text
    assert "&amp;" not in text


@pytest.mark.parametrize(
    ("data", "name", "text"),
    [
        (b"%PDF-1.7", "a.pdf", "send one of txt, md, csv"),
        (b"x", "a", "send one of"),
        (b"\xff\xfe", "a.txt", "is not UTF-8"),
        (b"{", "a.json", "is no JSON"),
        (b"zip", "a.docx", "is no document of Word"),
        (b"", "a.txt", "should not be empty"),
        (b" ", "a.txt", "has no text"),
        (b"x" * (MAX_BYTES + 1), "a.txt", "must not be larger"),
    ],
)
def test_what_cannot_be_read_is_refused(api: Api, data: bytes, name: str, text: str) -> None:
    assert text in str(refused(upload(api, data, name)))
    assert api.get("/file").json == []


def test_a_body_that_is_no_form_is_refused(api: Api) -> None:
    assert "multipart" in refused(api.post("/file", {"file": "x"}))
    refused(upload(api, metadata="[]"))
    refused(upload(api, purpose="other"))


def test_a_file_that_does_not_exist_is_told(api: Api) -> None:
    bases = [{"provider": "google", "name": "n", "description": "d", "fileIds": [UNKNOWN]}]
    tool = {"type": "query", "knowledgeBases": bases}
    for path, body in (
        ("/tool", tool),
        ("/assistant", {"model": {"provider": "openai", "tools": [tool]}}),
        ("/assistant", {"model": {"provider": "openai", "knowledgeBase": bases[0]}}),
    ):
        assert UNKNOWN in refused(api.post(path, body))


def test_another_organisations_file_is_not_found(app: Flask, api: Api, other: Api) -> None:
    theirs = upload(other).json["id"]
    assert found(app, api, theirs, "opening") == []
    assert found(app, other, theirs, "opening") != []
