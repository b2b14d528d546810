"""/customer: saved customers, which ``customerId`` of a call names."""

from __future__ import annotations

from app.routes.crud import Kind, crud
from app.routes.schemas.customers import Customer
from app.routes.schemas.responses import CustomerResource
from app.routes.validation import services

blueprint = crud(
    Kind(
        "customer",
        "/customer",
        Customer,
        Customer,
        CustomerResource,
        lambda: services().resources.customers,
    ),
    "Who is called, or calls.",
)
