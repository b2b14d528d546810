"""/squad: several assistants for one call. https://docs.vapi.ai/api-reference/squads/create"""

from __future__ import annotations

from flask import Response

from app.routes.crud import Kind, crud
from app.routes.lean_flask import api_key
from app.routes.schemas.responses import SquadResource
from app.routes.schemas.squads import CreateSquad, UpdateSquad
from app.routes.validation import services
from app.routes.warnings import warned
from providers.common.json_types import JsonDict


def _with_warnings(response: Response, made: JsonDict) -> Response:
    findings = services().checks.squad(api_key().org_id, made)
    return warned(response, f"squad {made['id']}", findings)


blueprint = crud(
    Kind(
        "squad",
        "/squad",
        CreateSquad,
        UpdateSquad,
        SquadResource,
        lambda: services().resources.squads,
        _with_warnings,
    ),
    "Assistants that hand a call to each other. The first member begins.",
)
