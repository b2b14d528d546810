"""The kinds of objects that are imported, in the order of their references."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from app.cli.vapi import fates
from app.cli.vapi.fates import Fates
from app.domain.resources.assistants import ResourceService
from app.domain.resources.base import ResourceStore
from app.routes.files import UpdateFile
from app.routes.schemas.assistants import Assistant
from app.routes.schemas.base import CARRIERS, Model, OpenModel
from app.routes.schemas.phone_numbers import CreatePhoneNumber
from app.routes.schemas.squads import CreateSquad
from app.routes.schemas.structured_outputs import StructuredOutput
from app.routes.schemas.tools import CreateTool

Store = Callable[[ResourceService], ResourceStore]

READ_ONLY = frozenset(
    {
        *("id", "orgId", "createdAt", "updatedAt", "isServerUrlSecretSet", "latestVersion"),
        *("analyticsMetadata", "isDeleted", "workflowIds", "workflow_ids"),
    }
)
"""Fields that Vapi sets. They are not imported, and not reported."""

OF_FILE = frozenset(
    {
        *("object", "status", "originalName", "bytes", "mimetype", "key", "path", "bucket"),
        *("url", "parsedTextUrl", "parsedTextBytes", "purpose", "metadata"),
    }
)
"""Fields of a file that its upload sets here."""
NUMBER, FILE = "phone number", "file"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. ``folder``: gitops's; None: it pulls none of them."""

    name: str
    path: str
    folder: str | None
    store: Store
    schema: type[Model]
    """Of the body that the API takes."""
    fates: Fates
    set_here: Collection[str] = frozenset()
    """Further fields that are not imported and not reported."""
    decided: Collection[str] | None = None
    """The fields that a later run changes; None: all."""
    no_field: Mapping[str, str] = field(default_factory=dict)
    """A field of Vapi's that the schema does not have -> why."""

    @property
    def is_closed(self) -> bool:
        """Whether the schema refuses fields that it does not have."""
        return not issubclass(self.schema, OpenModel)

    @property
    def fields(self) -> frozenset[str]:
        """The names that the schema has, in JSON."""
        return frozenset(f.alias or name for name, f in self.schema.model_fields.items())


NO_FIELDS_OF_NUMBERS = {
    "workflowId": "there are no workflows: name an assistant",
}

KINDS = (
    Kind(
        FILE,
        "/file",
        None,
        lambda r: r.files,
        UpdateFile,
        fates.served,
        set_here=OF_FILE,
        decided=("name",),
    ),
    Kind("tool", "/tool", "tools", lambda r: r.tools, CreateTool, fates.of_tool),
    Kind(
        "structured output",
        "/structured-output",
        "structuredOutputs",
        lambda r: r.structured_outputs,
        StructuredOutput,
        fates.served,
    ),
    Kind(
        "assistant",
        "/assistant",
        "assistants",
        lambda r: r.assistants,
        Assistant,
        fates.of_assistant,
    ),
    Kind("squad", "/squad", "squads", lambda r: r.squads, CreateSquad, fates.of_squad),
    Kind(
        NUMBER,
        "/phone-number",
        None,
        lambda r: r.phone_numbers,
        CreatePhoneNumber,
        fates.of_number,
        set_here=("status",),
        no_field=NO_FIELDS_OF_NUMBERS,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}

CANNOT_MOVE = {
    "vapi": "it is Vapi's own and cannot move: get a number at",
    "telnyx": "its carrier is not served: move it to",
    "byo-phone-number": "SIP trunks are not served: get a number at",
}
"""Carrier of a number at Vapi -> why it is not imported, as the beginning of a sentence."""


def cannot_move(provider: object) -> str | None:
    """Why a number of this carrier is not imported; None: it is."""
    if provider in CARRIERS:
        return None
    why = CANNOT_MOVE.get(str(provider), "its carrier is not known here: get a number at")
    return f"{why} one of {', '.join(CARRIERS)}, and store it with POST /phone-number"
