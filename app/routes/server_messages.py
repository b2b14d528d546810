"""/server-message: the server messages of all calls that have failed or wait, and their resend."""

from __future__ import annotations

from flask import Response

from app.routes.lean_flask import api_key
from app.routes.operations import Operation, Section
from app.routes.pagination import window
from app.routes.schemas.responses import ListedServerMessage, Resent
from app.routes.schemas.server_messages import ListServerMessages, ResendServerMessages
from app.routes.validation import reply, services

blueprint = Section("server-message", "Server messages of all calls, and their delivery.")


@blueprint.serve(
    Operation("GET", "/server-message", "listServerMessages", ListedServerMessage, many=True)
)
def listing(query: ListServerMessages) -> Response:
    """List server messages of all calls. Those that have failed, or those that wait.

    Newest first, each with its last attempt. The next page has createdAtLt of the last one.
    """
    return reply(services().messages.listing(api_key().org_id, query.state, window(query)))


@blueprint.serve(Operation("POST", "/server-message/resend", "resendServerMessages", Resent))
def resend_failed(query: ResendServerMessages) -> Response:
    """Send failed server messages again. The oldest first, at most limit; remaining says if more are left."""
    return reply(services().messages.resend_failed(api_key().org_id, window(query)))
