"""Every error has Vapi's shape, and none tells what only the log should know."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import exc

from app.domain.errors import Conflict, Invalid, NotFound, Unauthorized
from app.routes.errors import INVALID_KEY, ApiError
from app.routes.json_body import MAX_BYTES
from tests.routes.api import Api, refused

pytestmark = pytest.mark.any_store  # the subject: the shape of errors

CAUSE = Exception("password=hunter2")
ID = "3f7c1b9e-0000-4000-8000-000000000000"

RAISED: list[tuple[Exception, int, str, Any]] = [
    # what a use case refuses
    (Invalid("No."), 400, "Bad Request", "No."),
    (Invalid(["a is wrong", "b is wrong"]), 400, "Bad Request", ["a is wrong", "b is wrong"]),
    (Unauthorized("not you"), 401, "Unauthorized", INVALID_KEY),
    (NotFound("Call", ID), 404, "Not Found", f"Couldn't Find Call. `{ID}` Does Not Exist."),
    (Conflict("used before"), 409, "Conflict", "used before"),
    (ApiError(410, "gone"), 410, "Gone", "gone"),
    # the store is away: again may help
    *(
        (error, 503, "Service Unavailable", "the store is not available: try again")
        for error in (
            exc.OperationalError("SELECT 1", {}, CAUSE),
            exc.InterfaceError("SELECT 1", {}, CAUSE),
            exc.DBAPIError("SELECT 1", {}, CAUSE, connection_invalidated=True),
            exc.TimeoutError("QueuePool limit"),
        )
    ),
    # our own mistakes
    *(
        (error, 500, "Internal Server Error", "Internal server error")
        for error in (
            exc.IntegrityError("INSERT", {}, CAUSE),
            exc.DataError("INSERT", {}, CAUSE),
            exc.ProgrammingError("SELEC", {}, CAUSE),
            ZeroDivisionError("hunter2"),
        )
    ),
]


@pytest.mark.parametrize(("error", "status", "phrase", "message"), RAISED)
def test_what_is_raised_is_answered(
    app: Flask, error: Exception, status: int, phrase: str, message: Any
) -> None:
    def view() -> str:
        raise error

    app.add_url_rule("/raise", view_func=view)
    answer = app.test_client().get("/raise")
    assert answer.json == {"message": message, "error": phrase, "statusCode": status}
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == ("1" if status == 503 else None)
    assert "hunter2" not in answer.text


def test_what_nobody_foresaw_is_logged(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    app.add_url_rule("/raise", view_func=lambda: 1 / 0)
    with caplog.at_level(logging.ERROR, "app.routes.errors"):
        app.test_client().get("/raise")
    assert "GET /raise failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_unknown_path(api: Api) -> None:
    assert refused(api.get("/nowhere"), 404) == "Cannot GET /nowhere"
    assert refused(api.post("/nowhere", {}), 404) == "Cannot POST /nowhere"


def test_braces_in_a_path_are_text(api: Api) -> None:
    assert refused(api.get("/{method.__class__}"), 404) == "Cannot GET /{method.__class__}"


def test_method_not_allowed_names_the_others(api: Api) -> None:
    answer = api.put("/call", {})
    assert refused(answer, 405) == "Cannot PUT /call"
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("size", [MAX_BYTES + 1, MAX_BYTES * 4])
def test_too_large(api: Api, size: int) -> None:
    answer = api.post("/call", data=b" " * size, content_type="application/json")
    assert refused(answer, 413) == "request entity too large"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_forms_are_not_json(api: Api, content_type: str) -> None:
    answer = api.post("/customer", data=b"{}", content_type=content_type)
    assert refused(answer, 415) == "Content-Type must be application/json"


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "application/json; charset=utf-8"]
)
def test_json_is_taken_as_such(api: Api, content_type: str | None) -> None:
    answer = api.post("/customer", data=b"{}", content_type=content_type)
    assert answer.status_code == 201
