"""Errors in Vapi's shape: ``{"message": string | string[], "error": phrase, "statusCode": n}``.

``message`` is an array for what the schema refuses and a string for all other errors. An unexpected
error is logged, and the response does not tell its cause.
https://docs.vapi.ai/api-reference/calls/create
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from flask import Flask, Response, request
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException

from app.domain.errors import Conflict, DomainError, Invalid, NotFound, TooMany, Unauthorized
from app.store.faults import OUR_MISTAKES, OUTAGES
from app.store.outage import Outage

log = logging.getLogger(__name__)

INVALID_KEY = (
    "Invalid Key. Send an API key of this server: Authorization: Bearer KEY, or the key as the "
    "password of HTTP basic."
)
STORE_FAILED = "the store is not available: try again"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="patchbay", Bearer'}

DOMAIN_STATUS: Mapping[type[DomainError], int] = {
    Invalid: 400,
    Unauthorized: 401,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
}

# Replace Flask's own sentences.
HTTP_MESSAGES: Mapping[int, str] = {
    404: "Cannot {method} {path}",
    405: "Cannot {method} {path}",
    413: "request entity too large",
}


class ApiError(Exception):
    """An error response that ends the request. ``message`` as in the module's docstring."""

    def __init__(
        self, status: int, message: str | list[str], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(str(message))
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def unauthorized() -> ApiError:
    """The one response to a missing, wrong or revoked key."""
    return ApiError(401, INVALID_KEY, CHALLENGE)


def error_response(
    status: int, message: str | list[str], headers: Mapping[str, str] | None = None
) -> Response:
    """The HTTP response of an error."""
    return Response(error_body(status, message), status, headers, mimetype="application/json")


def error_body(status: int, message: str | list[str]) -> str:
    """The JSON of an error.

    Python's phrase of 413 depends on its version; Vapi's, which is Node's, does not.
    """
    phrase = "Payload Too Large" if status == 413 else HTTPStatus(status).phrase
    return json.dumps({"message": message, "error": phrase, "statusCode": int(status)})


def init_errors(app: Flask) -> None:
    """Register the handlers. Blueprints may have their own, which win."""
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(HTTPException, _http_error)
    store = app.extensions["patchbay"].store
    for kind in OUTAGES:
        app.register_error_handler(kind, partial(_store_error, store.outage))
    app.register_error_handler(Exception, _unexpected)


def _api_error(error: ApiError) -> Response:
    return error_response(error.status, error.message, error.headers)


def _domain_error(error: DomainError) -> Response:
    if isinstance(error, Unauthorized):
        return _api_error(unauthorized())
    message = error.messages if isinstance(error, Invalid) else str(error)
    later = {"Retry-After": str(error.retry_after)} if isinstance(error, TooMany) else {}
    return error_response(DOMAIN_STATUS[type(error)], message, later)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # a redirect is not an error
        return Response(status=status, headers=error.get_headers())
    template = HTTP_MESSAGES.get(status, error.description or error.name)
    message = template.format(method=request.method, path=request.path)
    kept = {k: v for k, v in error.get_headers() if k in {"Allow", "Retry-After"}}
    return error_response(status, message, kept)


def _store_error(outage: Outage, error: exc.SQLAlchemyError) -> Response:
    if isinstance(error, OUR_MISTAKES):
        return _unexpected(error)
    outage.note(error, refused=True)
    return error_response(503, STORE_FAILED, {"Retry-After": "1"})


def _unexpected(error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return error_response(500, "Internal server error")
