"""Errors as pages: the API's sentence, and the way on."""

from __future__ import annotations

from flask import Blueprint, Response
from werkzeug.exceptions import HTTPException

from app.dashboard.table import page
from app.domain.errors import DomainError, Invalid, NotFound
from app.routes.errors import DOMAIN_STATUS, ApiError

NO_PAGE = "There is no such page."
NO_OBJECT = "It does not exist, or was deleted."


def register(blueprint: Blueprint) -> None:
    blueprint.register_error_handler(ApiError, _api_error)
    blueprint.register_error_handler(DomainError, _domain_error)
    blueprint.register_error_handler(HTTPException, _http_error)


def no_page(rest: str) -> Response:
    return error_page(404, NO_PAGE)


def error_page(status: int, *sentences: str) -> Response:
    return page("error.html", status, sentences=sentences, status=status)


def _api_error(error: ApiError) -> Response:
    sentences = [error.message] if isinstance(error.message, str) else error.message
    answer = error_page(error.status, *sentences)
    answer.headers.update(error.headers)
    return answer


def _domain_error(error: DomainError) -> Response:
    if isinstance(error, NotFound):
        return error_page(404, NO_OBJECT)
    sentences = error.messages if isinstance(error, Invalid) else str(error)
    listed = [sentences] if isinstance(sentences, str) else sentences
    return error_page(DOMAIN_STATUS[type(error)], *listed)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return Response(status=status, headers=error.get_headers())
    return error_page(status, error.description or error.name)
