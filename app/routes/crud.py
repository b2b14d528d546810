"""Create, list, get, patch and delete, for one kind of resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response

from app.domain.resources.base import ResourceStore
from app.routes.lean_flask import api_key
from app.routes.operations import IdPath, Operation, Section
from app.routes.pagination import window
from app.routes.schemas.base import Model
from app.routes.schemas.calls import Page
from app.routes.schemas.responses import Resource
from app.routes.validation import reply
from app.routes.warnings import template_problems, warned
from providers.common.json_types import JsonDict, JsonObject

# Verb -> method, path below the kind's, status.
ROUTES = {
    "create": ("POST", "", 201),
    "list": ("GET", "", 200),
    "get": ("GET", "/<id>", 200),
    "update": ("PATCH", "/<id>", 200),
    "delete": ("DELETE", "/<id>", 200),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource.

    ``path`` begins with a slash; ``collection`` is called for each request.
    """

    name: str
    path: str
    create: type[Model]
    update: type[Model]
    resource: type[Resource]
    collection: Callable[[], ResourceStore]
    also: Callable[[Response, JsonDict], Response] | None = None
    """Completes the response to a change, by the object as it is now."""

    def answer(self, made: JsonDict, sent: JsonObject, status: int = 200) -> Response:
        """The object as it is after a change. ``sent``: the request's body."""
        response = warned(reply(made, status), self.name, templates=template_problems(sent))
        return self.also(response, made) if self.also else response

    def operation(self, verb: str, body: type[Model] | None = None) -> Operation:
        """The OpenAPI operation of a verb: ``createPhoneNumber``, "Create phone number"."""
        method, below, status = ROUTES[verb]
        words = self.name.split("-")
        many = verb == "list"
        return Operation(
            method,
            self.path + below,
            verb + "".join(word.capitalize() for word in words),
            self.resource,
            many=many,
            status=status,
            summary=" ".join([verb.capitalize(), *words]) + ("s" if many else ""),
            models={"body": body} if body else {},
        )


def crud(kind: Kind, about: str) -> Section:
    """The five routes of a kind. A file may add its own."""
    section = Section(kind.name, about)
    _create(section, kind)
    _list(section, kind)
    _one(section, kind)
    return section


def paged_crud(kind: Kind, about: str) -> Section:
    """The same without the list, which the file of the kind adds."""
    section = Section(kind.name, about)
    _create(section, kind)
    _one(section, kind)
    return section


def stored_crud(kind: Kind, about: str) -> Section:
    """The same without the creation, which the file of the kind adds."""
    section = Section(kind.name, about)
    _list(section, kind)
    _one(section, kind)
    return section


def _create(section: Section, kind: Kind) -> None:
    @section.serve(kind.operation("create", kind.create))
    def create(body: Model) -> Response:
        given = body.given()
        made = kind.collection().create(api_key().org_id, given)
        return kind.answer(made, given, 201)


def _list(section: Section, kind: Kind) -> None:
    @section.serve(kind.operation("list"))
    def listing(query: Page) -> Response:
        return reply(kind.collection().list(api_key().org_id, window(query)))


def _one(section: Section, kind: Kind) -> None:
    @section.serve(kind.operation("get"))
    def get(path: IdPath) -> Response:
        return reply(kind.collection().get(api_key().org_id, path.id))

    @section.serve(kind.operation("update", kind.update))
    def patch(path: IdPath, body: Model) -> Response:
        sent = body.sent()
        return kind.answer(kind.collection().patch(api_key().org_id, path.id, sent), sent)

    @section.serve(kind.operation("delete"))
    def delete(path: IdPath) -> Response:
        return reply(kind.collection().delete(api_key().org_id, path.id))
