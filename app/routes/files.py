"""/file: files of knowledge bases, sent as a form. https://docs.vapi.ai/api-reference/files/create"""

from __future__ import annotations

import json
from typing import Annotated

from flask import Response
from pydantic import Field

from app.domain.resources.files import MAX_BYTES
from app.routes.crud import Kind, stored_crud
from app.routes.errors import ApiError
from app.routes.lean_flask import api_key, current_request
from app.routes.operations import Operation
from app.routes.schemas.base import Model
from app.routes.schemas.responses import FileResource
from app.routes.validation import reply, services
from app.store.blobs import BlobError
from providers.common.json_types import JsonDict

PURPOSES = ("assistant", "composer-attachment", "knowledge-base-v2")
# Of the form around the file.
MAX_FRAME = 20_000
MAX_METADATA = 4096
FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "purpose": {"type": "string", "enum": list(PURPOSES)},
                    "metadata": {"type": "string", "description": "A JSON object."},
                },
            }
        }
    },
}


class UpdateFile(Model):
    """The name of a file."""

    name: Annotated[str, Field(min_length=1, max_length=40)] | None = None


blueprint = stored_crud(
    Kind(
        "file",
        "/file",
        UpdateFile,
        UpdateFile,
        FileResource,
        lambda: services().resources.files,
    ),
    "Files that assistants search: text, Markdown, CSV, JSON, HTML and Word.",
)


@blueprint.serve(
    Operation("POST", "/file", "createFile", FileResource, status=201, errors=(413,), request=FORM)
)
def create() -> Response:
    """Upload file. As multipart/form-data, with the field file."""
    request = current_request()
    request.max_content_length = MAX_BYTES + MAX_FRAME
    sent = request.files.get("file")
    if sent is None:
        raise ApiError(
            400, "file should not be empty: send multipart/form-data with a field `file`"
        )
    name = (sent.filename or "").rpartition("/")[2][:255]
    if not name or not name.isprintable():
        raise ApiError(400, "file needs a printable name")
    data, mime = sent.stream.read(), sent.mimetype or "application/octet-stream"
    try:
        made = services().resources.files.upload(
            api_key().org_id, name, mime[:100], data, _about(dict(request.form))
        )
    except BlobError:
        later = {"Retry-After": "5"}
        raise ApiError(503, "the file cannot be stored just now: try again", later) from None
    return reply(made, 201)


def _about(form: dict[str, str]) -> JsonDict:
    """The form's other fields."""
    found: JsonDict = {}
    if purpose := form.get("purpose"):
        if purpose not in PURPOSES:
            raise ApiError(
                400, f"purpose must be one of the following values: {', '.join(PURPOSES)}"
            )
        found["purpose"] = purpose
    if text := form.get("metadata"):
        found["metadata"] = _metadata(text)
    return found


def _metadata(text: str) -> JsonDict:
    try:
        value = json.loads(text) if len(text) <= MAX_METADATA and "\0" not in text else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ApiError(400, f"metadata must be a JSON object of at most {MAX_METADATA} characters")
    return value
