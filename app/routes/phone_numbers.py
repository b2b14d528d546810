"""/phone-number: saved numbers; ``/phone-number/import/<provider>`` is the older way to make one.

https://docs.vapi.ai/api-reference/phone-numbers/create
"""

from __future__ import annotations

from flask import Response, g

from app.routes.crud import Kind, crud
from app.routes.schemas.base import Carrier, Model
from app.routes.schemas.phone_numbers import CreatePhoneNumber, ImportPhoneNumber, UpdatePhoneNumber
from app.routes.schemas.responses import PhoneNumberResource
from app.routes.web import checked, reply, services

blueprint = crud(
    Kind(
        "phone-number",
        "/phone-number",
        CreatePhoneNumber,
        UpdatePhoneNumber,
        PhoneNumberResource,
        lambda: services().resources.phone_numbers,
    ),
    "Numbers of your carrier accounts. Their webhooks stay yours: nothing is changed there.",
)


class ImportPath(Model):
    """Whose number it is."""

    provider: Carrier


@blueprint.post(
    "/phone-number/import/<provider>",
    summary="Import phone number",
    operation_id="importPhoneNumber",
    responses={201: PhoneNumberResource},
)
@checked(path=ImportPath, body=ImportPhoneNumber)
def import_number(path: ImportPath, body: ImportPhoneNumber) -> Response:
    given = {**body.given(), "provider": path.provider}
    return reply(services().resources.phone_numbers.create(g.org_id, given), 201)
