"""Create, list, get, patch and delete, for one kind of resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.types import ResponseDict

from app.domain.resources.base import Collection
from app.routes.auth import require_key
from app.routes.pagination import window
from app.routes.schemas.base import Model
from app.routes.schemas.calls import Page
from app.routes.schemas.responses import Error, Resource, array_of
from app.routes.validation import SECURITY, IdPath, checked, reply


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs. ``path`` begins with a slash; ``collection`` is asked for at every request."""

    name: str
    path: str
    create: type[Model]
    update: type[Model]
    resource: type[Resource]
    collection: Callable[[], Collection]


def api_blueprint(name: str, about: str) -> APIBlueprint:
    """A part of the API: every route of it wants a key."""
    blueprint = APIBlueprint(
        name,
        __name__,
        abp_tags=[Tag(name=name, description=about)],
        abp_security=SECURITY,
        abp_responses={"400": Error, "401": Error, "503": Error},
    )
    blueprint.before_request(require_key)
    return blueprint


def crud(kind: Kind, about: str) -> APIBlueprint:
    """The five routes of a kind; a file may add its own."""
    blueprint = api_blueprint(kind.name, about)
    _many(blueprint, kind)
    _one(blueprint, kind)
    return blueprint


def _many(blueprint: APIBlueprint, kind: Kind) -> None:
    @blueprint.post(kind.path, responses={201: kind.resource}, **_named("create", kind))
    @checked(body=kind.create)
    def create(body: Model) -> Response:
        return reply(kind.collection().create(g.org_id, body.given()), 201)

    @blueprint.get(kind.path, responses={200: array_of(kind.resource)}, **_named("list", kind))
    @checked(query=Page)
    def listing(query: Page) -> Response:
        return reply(kind.collection().list(g.org_id, window(query)))


def _one(blueprint: APIBlueprint, kind: Kind) -> None:
    path = f"{kind.path}/<id>"
    responses: ResponseDict = {200: kind.resource, 404: Error}

    @blueprint.get(path, responses=responses, **_named("get", kind))
    @checked(path=IdPath)
    def get(path: IdPath) -> Response:
        return reply(kind.collection().get(g.org_id, path.id))

    @blueprint.patch(path, responses=responses, **_named("update", kind))
    @checked(path=IdPath, body=kind.update)
    def patch(path: IdPath, body: Model) -> Response:
        return reply(kind.collection().patch(g.org_id, path.id, body.sent()))

    @blueprint.delete(path, responses=responses, **_named("delete", kind))
    @checked(path=IdPath)
    def delete(path: IdPath) -> Response:
        return reply(kind.collection().delete(g.org_id, path.id))


def _named(verb: str, kind: Kind) -> dict[str, Any]:
    words = kind.name.replace("-", " ")
    summary = f"{verb.capitalize()} {words}s" if verb == "list" else f"{verb.capitalize()} {words}"
    return {"summary": summary, "operation_id": operation_id(verb, kind.name)}


def operation_id(verb: str, name: str) -> str:
    """``createPhoneNumber``."""
    return verb + "".join(word.capitalize() for word in name.split("-"))
