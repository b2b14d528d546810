"""/assistant: saved assistants. https://docs.vapi.ai/api-reference/assistants/create"""

from __future__ import annotations

from flask import Response

from app.routes.crud import Kind, crud
from app.routes.lean_flask import api_key
from app.routes.operations import IdPath, Operation
from app.routes.schemas.assistants import Assistant
from app.routes.schemas.responses import AssistantResource
from app.routes.template_warnings import told
from app.routes.validation import reply, services

blueprint = crud(
    Kind(
        "assistant",
        "/assistant",
        Assistant,
        Assistant,
        AssistantResource,
        lambda: services().resources.assistants,
    ),
    "Who speaks in a call. Fields not listed are kept as sent.",
)


@blueprint.serve(Operation("PUT", "/assistant/<id>", "replaceAssistant", AssistantResource))
def replace(path: IdPath, body: Assistant) -> Response:
    """Replace assistant."""
    given = body.given()
    return told(reply(services().resources.assistants.put(api_key().org_id, path.id, given)), given)
