"""/assistant: saved assistants. https://docs.vapi.ai/api-reference/assistants/create"""

from __future__ import annotations

from flask import Response

from app.domain.assistant.served_fields import Fate
from app.routes.crud import Kind, crud
from app.routes.lean_flask import api_key
from app.routes.operations import IdPath, Operation
from app.routes.schemas.assistants import Assistant
from app.routes.schemas.responses import AssistantCheck, AssistantResource
from app.routes.validation import reply, services
from app.routes.warnings import warned
from providers.common.json_types import JsonDict


def _with_warnings(response: Response, assistant: JsonDict) -> Response:
    findings = services().checks.stored(api_key().org_id, assistant["id"])
    return warned(response, f"assistant {assistant['id']}", findings)


KIND = Kind(
    "assistant",
    "/assistant",
    Assistant,
    Assistant,
    AssistantResource,
    lambda: services().resources.assistants,
    _with_warnings,
)

blueprint = crud(
    KIND, "Who speaks in a call. Fields not listed are kept as sent; a header Warning tells them."
)


@blueprint.serve(Operation("PUT", "/assistant/<id>", "replaceAssistant", AssistantResource))
def replace(path: IdPath, body: Assistant) -> Response:
    """Replace assistant."""
    given = body.given()
    return KIND.answer(services().resources.assistants.put(api_key().org_id, path.id, given), given)


@blueprint.serve(Operation("GET", "/assistant/<id>/check", "checkAssistant", AssistantCheck))
def check(path: IdPath) -> Response:
    """Check assistant. What this installation does with each field, and whether calls would fail."""
    findings = services().checks.stored(api_key().org_id, path.id)
    fields = [
        {"path": each.path, "fate": each.fate, **({"reason": each.why} if each.why else {})}
        for each in findings
    ]
    works = all(each.fate is not Fate.REFUSED for each in findings)
    return reply({"assistantId": path.id, "works": works, "fields": fields})
