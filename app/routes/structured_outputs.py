"""/structured-output: data to extract from calls after their end.

https://docs.vapi.ai/api-reference/structured-outputs/list
"""

from __future__ import annotations

from flask import Response

from app.routes.crud import Kind, paged_crud
from app.routes.lean_flask import api_key
from app.routes.operations import Operation
from app.routes.pagination import window
from app.routes.schemas.calls import ListStructuredOutputs
from app.routes.schemas.responses import StructuredOutputPage, StructuredOutputResource
from app.routes.schemas.structured_outputs import StructuredOutput, UpdateStructuredOutput
from app.routes.validation import reply, services
from app.store.resources import NumberPage

blueprint = paged_crud(
    Kind(
        "structured-output",
        "/structured-output",
        StructuredOutput,
        UpdateStructuredOutput,
        StructuredOutputResource,
        lambda: services().resources.structured_outputs,
    ),
    "Data to extract from calls after their end, by a model or a regular expression.",
)


@blueprint.serve(
    Operation("GET", "/structured-output", "listStructuredOutputs", StructuredOutputPage)
)
def pages(query: ListStructuredOutputs) -> Response:
    """List structured outputs by pages."""
    wanted = NumberPage(query.page, query.name, query.sort_order == "ASC")
    org_id = api_key().org_id
    return reply(services().resources.structured_outputs.page(org_id, window(query), wanted))
