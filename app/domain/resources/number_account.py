"""From a phone number's body to its carrier, its E.164 number and its account.

A body names its account with ``credentialId`` or with the carrier's own fields. Such fields
become a managed credential. A body may leave ``provider`` out, as official clients do: its
fields then show the carrier. The carriers define these fields' names (``NumberFields``).
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.resources.credentials import managed
from app.store import resources as store
from app.store.schema import credentials
from providers.base.carrier import Carrier, NumberFields, phone_carriers
from providers.common.json_types import JsonObject


def number_account(
    context: Context, conn: Connection, org_id: str, body: JsonObject
) -> tuple[Carrier, str, JsonObject]:
    """(provider, E.164 number, credential's row) of a complete body. Raises ``Invalid``."""
    provider = find_provider(context, conn, org_id, body)
    number = find_number(provider, body)
    if number is None:
        raise Invalid(["number should not be empty"])
    credential = find_credential(context, conn, org_id, provider, body)
    if credential is None:
        raise Invalid(_needs_account(provider.number_fields))
    return provider, number, credential


def find_provider(context: Context, conn: Connection, org_id: str, body: JsonObject) -> Carrier:
    """The carrier that the body names, else that of its fields, else its credential's."""
    name = body.get("provider") or _provider_of_fields(context, body)
    if name is None and "credentialId" in body:
        name = _by_id(conn, org_id, body["credentialId"])["provider"]
    if name is None:
        known = ", ".join(phone_carriers(context.providers))
        raise Invalid([f"provider must be one of the following values: {known}"])
    if name not in context.providers:
        raise Invalid(f"`credentialId` {body['credentialId']} is of {name}, not of a carrier.")
    refuse_foreign(context, context.providers[name], body)
    return context.providers[name]


def refuse_foreign(context: Context, carrier: Carrier, body: JsonObject) -> None:
    """Raises ``Invalid`` for fields of another carrier."""
    others = (p for p in context.providers.values() if p is not carrier)
    foreign = {name for other in others for name in _names(other.number_fields)}
    wrong = [name for name in body if name in foreign - _names(carrier.number_fields)]
    if wrong:
        raise Invalid([f"property {name} should not exist" for name in wrong])


def find_number(carrier: Carrier, body: JsonObject) -> str | None:
    """The E.164 number. The field has two spellings, which must agree if both are there."""
    carriers_own = carrier.number_fields.number
    given = {str(body[name]) for name in ("number", carriers_own) if body.get(name)}
    if len(given) > 1:
        raise Invalid(f"Use either `number` or `{carriers_own}`, not both.")
    return next(iter(given), None)


def find_credential(
    context: Context,
    conn: Connection,
    org_id: str,
    carrier: Carrier,
    body: JsonObject,
    known_ref: str | None = None,
) -> JsonObject | None:
    """The account that the body names, by id or by fields; None when it names none.

    ``known_ref`` is the account of an existing number, whose body may hold only secrets.
    """
    fields = carrier.number_fields
    secrets = {name: body[name] for name in fields.secrets if name in body}
    ref = body.get(fields.account_ref) if fields.account_ref else None
    if "credentialId" in body:
        if secrets:
            raise Invalid(f"Use either `credentialId` or `{next(iter(secrets))}`, not both.")
        return _chosen(conn, org_id, carrier, body["credentialId"], ref)
    if secrets:
        owner = {fields.account_ref: ref or known_ref} if fields.account_ref else {}
        account = {name: value for name, value in {**owner, **secrets}.items() if value}
        return managed(context, conn, org_id, carrier, account)
    return _known(conn, org_id, carrier, ref) if ref else None


def _known(conn: Connection, org_id: str, carrier: Carrier, ref: str) -> JsonObject:
    """The stored account, for a body that names it without its secret."""
    known = store.find_account(conn, org_id, carrier.name, ref)
    if not known:
        raise Invalid(_needs_account(carrier.number_fields))
    return known[0]


def _chosen(
    conn: Connection, org_id: str, carrier: Carrier, id: str, ref: str | None
) -> JsonObject:
    credential = _by_id(conn, org_id, id)
    owner = credential["provider"]
    if owner != carrier.name:
        raise Invalid(f"`credentialId` {id} is of {owner}, the number is of {carrier.name}.")
    if ref not in {None, credential["account_ref"]}:
        raise Invalid(f"`credentialId` {id} is not of the account {ref}.")
    return credential


def _by_id(conn: Connection, org_id: str, id: str) -> JsonObject:
    row = store.get(conn, credentials, org_id, id)
    if row is None:
        raise Invalid(f"Couldn't Get Credential. `credentialId` {id} Does Not Exist.")
    return row


def _provider_of_fields(context: Context, body: JsonObject) -> str | None:
    found = (p.name for p in context.providers.values() if _names(p.number_fields) & set(body))
    return next(found, None)


def _names(fields: NumberFields) -> set[str]:
    return {name for name in (fields.number, fields.account_ref, *fields.secrets) if name}


def _needs_account(fields: NumberFields) -> str:
    ways = " Or ".join(f"`{name}`" for name in ("credentialId", *fields.secrets))
    return f"Couldn't Get Credential. Need {'Either ' if fields.secrets else ''}{ways}."
