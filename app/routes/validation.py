"""What every API route shares: the services, the checked input, the JSON response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flask import Response
from pydantic import BaseModel, ValidationError

from app.domain.context import Context
from app.domain.resources.assistants import ResourceService
from app.domain.services.calls import CallService
from app.domain.services.checks import CheckService
from app.domain.services.messages import MessageService
from app.domain.services.webhooks import LegService
from app.routes.attempts import Doors
from app.routes.errors import ApiError
from app.routes.json_body import json_body
from app.routes.lean_flask import WholeResponse, current_app, current_request
from app.routes.schemas.wording import messages
from providers.base.carrier import Carrier
from providers.common import json_text
from providers.common.json_types import JsonDict

EXTENSION = "patchbay"

View = Callable[..., Response]


class Metrics(Protocol):
    """The metrics behind ``/metrics``."""

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The text and its content type."""
        ...


class RouteServices(Protocol):
    """The services that the routes find in ``app.extensions["patchbay"]``."""

    @property
    def context(self) -> Context: ...
    @property
    def calls(self) -> CallService: ...
    @property
    def messages(self) -> MessageService: ...
    @property
    def resources(self) -> ResourceService: ...
    @property
    def checks(self) -> CheckService: ...
    @property
    def legs(self) -> LegService: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def doors(self) -> Doors: ...
    @property
    def providers(self) -> Mapping[str, Carrier]: ...


def services() -> RouteServices:
    found: RouteServices = current_app().extensions[EXTENSION]
    return found


def reply(data: Any, status: int = 200) -> Response:
    """A JSON response in plain ASCII: texts of carriers may hold any character."""
    body = json_text.dumps(data, ascii_only=True).encode()
    return WholeResponse(body, status, "application/json")


def checked(view: View, models: Mapping[str, type[BaseModel]], /, **in_path: Any) -> Response:
    """Call the view with its models, filled and valid; 400 with every fault otherwise."""
    return view(**_read(models, in_path))


def _read(wanted: Mapping[str, type[BaseModel]], in_path: JsonDict) -> dict[str, BaseModel]:
    found: dict[str, BaseModel] = {}
    wrong: list[str] = []
    for name, model in wanted.items():
        try:
            found[name] = model.model_validate(_source(name, in_path))
        except ValidationError as error:
            wrong += messages(error)
    if wrong:
        raise ApiError(400, wrong)
    return found


def _source(name: str, in_path: JsonDict) -> JsonDict:
    if name == "path":
        return in_path
    if name == "query":  # a repeated parameter becomes a list, which no field accepts
        return {k: v[0] if len(v) == 1 else v for k, v in current_request().args.lists()}
    body = json_body()
    if body is None:
        raise ApiError(400, "the request has no body: send a JSON object")
    return body
