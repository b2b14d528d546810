"""Forms that create or change a resource: the same checks and sentences as the API's."""

from __future__ import annotations

from pydantic import ValidationError

from app.domain.errors import Invalid
from app.routes.schemas.base import Model
from app.routes.schemas.wording import messages
from providers.common.json_types import JsonDict, JsonObject


def checked(model: type[Model], body: JsonObject) -> JsonDict:
    """The body as the API takes it. Raises ``Invalid`` with every fault."""
    try:
        return model.model_validate(dict(body)).sent()
    except ValidationError as error:
        raise Invalid(messages(error)) from error
