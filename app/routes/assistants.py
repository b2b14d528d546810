"""/assistant: saved assistants. https://docs.vapi.ai/api-reference/assistants/create"""

from __future__ import annotations

from flask import Response, g

from app.routes.crud import Kind, crud
from app.routes.schemas.assistants import Assistant
from app.routes.schemas.responses import AssistantResource, Error
from app.routes.validation import IdPath, checked, reply, services

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


@blueprint.put(
    "/assistant/<id>",
    summary="Replace assistant",
    operation_id="replaceAssistant",
    responses={200: AssistantResource, 404: Error},
)
@checked(path=IdPath, body=Assistant)
def replace(path: IdPath, body: Assistant) -> Response:
    return reply(services().resources.assistants.put(g.org_id, path.id, body.given()))
