"""/phone-number: saved numbers. ``/phone-number/import/<provider>`` is the older way to create one.

https://docs.vapi.ai/api-reference/phone-numbers/create
"""

from __future__ import annotations

from flask import Response

from app.routes.crud import Kind, crud
from app.routes.lean_flask import api_key
from app.routes.operations import Operation
from app.routes.pagination import window
from app.routes.schemas.base import Carrier, Model
from app.routes.schemas.calls import ListPhoneNumbers
from app.routes.schemas.phone_numbers import CreatePhoneNumber, ImportPhoneNumber, UpdatePhoneNumber
from app.routes.schemas.responses import PhoneNumberPage, PhoneNumberResource
from app.routes.validation import reply, services
from app.routes.warnings import warned
from app.store.resources import NumberPage
from providers.common.json_types import JsonDict


def _with_warnings(response: Response, number: JsonDict) -> Response:
    findings = services().checks.number(api_key().org_id, number)
    return warned(response, f"phone number {number['id']}", findings)


blueprint = crud(
    Kind(
        "phone-number",
        "/phone-number",
        CreatePhoneNumber,
        UpdatePhoneNumber,
        PhoneNumberResource,
        lambda: services().resources.phone_numbers,
        _with_warnings,
    ),
    "Numbers of your carrier accounts. Their webhooks stay yours: nothing is changed there.",
)


@blueprint.serve(Operation("GET", "/v2/phone-number", "listPhoneNumberPages", PhoneNumberPage))
def pages(query: ListPhoneNumbers) -> Response:
    """List phone numbers by pages."""
    wanted = NumberPage(query.page, query.search, query.sort_order == "ASC")
    return reply(services().resources.phone_numbers.page(api_key().org_id, window(query), wanted))


class ImportPath(Model):
    """The carrier of the number."""

    provider: Carrier


@blueprint.serve(
    Operation(
        "POST",
        "/phone-number/import/<provider>",
        "importPhoneNumber",
        PhoneNumberResource,
        status=201,
    )
)
def import_number(path: ImportPath, body: ImportPhoneNumber) -> Response:
    """Import phone number."""
    given = {**body.given(), "provider": path.provider}
    made = services().resources.phone_numbers.create(api_key().org_id, given)
    return _with_warnings(reply(made, 201), made)
