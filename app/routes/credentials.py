"""/credential: accounts at carriers and vendors. No response contains a secret."""

from __future__ import annotations

from app.routes.crud import Kind, crud
from app.routes.schemas.credentials import CreateCredential, UpdateCredential
from app.routes.schemas.responses import CredentialResource
from app.routes.validation import services

blueprint = crud(
    Kind(
        "credential",
        "/credential",
        CreateCredential,
        UpdateCredential,
        CredentialResource,
        lambda: services().resources.credentials,
    ),
    "Accounts at carriers and vendors. An update without secrets changes the name; with, all of them.",
)
