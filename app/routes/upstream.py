"""/upstream/<id>: messages of the upstream that is a call's assistant (docs/upstream-vapi.md).

The token in the URL is the call's own, so no key is needed.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from app.domain.services.upstream import UpstreamService
from app.routes.lean_flask import body_of, current_request
from app.routes.validation import reply, services

blueprint = Blueprint("upstream", __name__)


@blueprint.post("/upstream/<id>")
def take(id: str) -> Response:
    """Take one message; an answer for those that ask."""
    service = UpstreamService(services().context)
    return reply(service.take(id, request.args.get("token", ""), body_of(current_request())))
