"""``python whole.py URL KEY``: everything Vapi's Python SDK does with what a bridge has.

Runs with whichever version is on the path (1.9 and 3.0), and imports nothing of ours: it is a
client's program. Prints the methods it has used.
"""

from __future__ import annotations

import sys
import uuid
from datetime import datetime, timedelta
from typing import Any

from vapi import AsyncVapi, CreateCustomerDto, CreateTwilioPhoneNumberDto, Vapi
from vapi.core.api_error import ApiError

CUSTOMER = CreateCustomerDto(number="+14155550123", name="Ada")
ACCOUNT = "AC" + "b" * 32
BYPASS = {
    "phoneCallProviderBypassEnabled": True,
    "maxDurationSeconds": 600,
    "metadata": {"ticket": 7},
}
CARRIERS = ("twilio", "vonage")
UNKNOWN = "00000000-0000-4000-8000-000000000000"

used: list[str] = []


def use(method: Any, *arguments: Any, **named: Any) -> Any:
    """Call a method of the SDK and remember that it works."""
    answer = method(*arguments, **named)
    name = f"{type(method.__self__).__name__.removesuffix('Client').lower()}.{method.__name__}"
    used.append(name)
    return answer


def status_of(method: Any, *arguments: Any, **named: Any) -> int | None:
    """The status of the error that is raised."""
    error = raised(method, *arguments, **named)
    assert set(error.body) == {"message", "error", "statusCode"}, error.body
    assert error.body["statusCode"] == error.status_code
    return error.status_code


def raised(method: Any, *arguments: Any, **named: Any) -> ApiError:
    try:
        method(*arguments, **named)
    except ApiError as error:
        return error
    raise AssertionError("nothing was raised")


def options(**extra: Any) -> Any:
    return {"request_options": {"additional_body_parameters": {**BYPASS, **extra}}}


def assistants(client: Vapi) -> str:
    """Returns the id of one that stays."""
    made = use(client.assistants.create, name="Reception", first_message="Hello.")
    assert made.created_at.tzinfo is not None
    assert use(client.assistants.get, made.id).first_message == "Hello."
    assert use(client.assistants.update, made.id, name="Desk").name == "Desk"
    before = made.created_at - timedelta(seconds=1)
    listed = use(client.assistants.list, limit=50, created_at_gt=before)
    assert made.id in [one.id for one in listed]
    assert use(client.assistants.delete, made.id).id == made.id
    assert status_of(client.assistants.get, made.id) == 404
    return str(client.assistants.create(name="From the SDK").id)


def phone_numbers(client: Vapi) -> dict[str, str]:
    """Returns the ids of the environment's numbers, by carrier."""
    number = f"+1415555{uuid.uuid4().int % 10_000:04}"
    made = use(
        client.phone_numbers.create,
        request=CreateTwilioPhoneNumberDto(
            number=number, twilio_account_sid=ACCOUNT, twilio_auth_token="a secret"
        ),
    )
    assert (made.provider, made.number, made.status) == ("twilio", number, "active")
    assert use(client.phone_numbers.get, made.id).number == number
    changed = use(client.phone_numbers.update, made.id, request={"name": "Desk"})
    assert changed.name == "Desk"
    page = use(client.phone_numbers.phone_number_controller_find_all_paginated, search=number)
    assert [one.id for one in page.results] == [made.id]
    listed = use(client.phone_numbers.list, limit=50)
    assert made.id in [one.id for one in listed]
    assert use(client.phone_numbers.delete, made.id).id == made.id
    assert status_of(client.phone_numbers.get, made.id) == 404
    return {one.provider: str(one.id) for one in client.phone_numbers.list()}


def calls(client: Vapi, assistant_id: str, number_id: str, carrier: str) -> None:
    made = use(
        client.calls.create,
        name="from the SDK",
        assistant_id=assistant_id,
        phone_number_id=number_id,
        customer=CUSTOMER,
        **options(),
    )
    assert (made.status, made.type, made.name) == ("queued", "outboundPhoneCall", "from the SDK")
    assert made.phone_call_provider == carrier
    assert isinstance(made.created_at, datetime)
    assert made.metadata == {"ticket": 7}
    assert made.phoneCallProviderDetails.keys() >= {"to", "from"}
    assert use(client.calls.get, made.id).created_at == made.created_at
    before = made.created_at - timedelta(seconds=1)
    listed = use(
        client.calls.list,
        assistant_id=assistant_id,
        phone_number_id=number_id,
        created_at_gt=before,
    )
    assert made.id in [one.id for one in listed]
    assert use(client.calls.update, made.id, name="renamed").name == "renamed"
    assert use(client.calls.delete, made.id).id == made.id
    assert status_of(client.calls.get, made.id) == 404


def squads(client: Vapi, assistant_id: str, number_id: str) -> None:
    """A squad of a stored assistant and one of its own, and a call that names it."""
    place = {"type": "assistant", "assistantName": "Desk", "message": "One moment."}
    members: Any = [
        {"assistantId": assistant_id, "assistantDestinations": [place]},
        {"assistant": {"name": "Desk", "firstMessage": "Desk here."}},
    ]
    made = use(client.squads.create, name="Two", members=members)
    assert made.members[1].assistant.name == "Desk"
    assert use(client.squads.get, made.id).members[0].assistant_id == assistant_id
    assert made.id in [one.id for one in use(client.squads.list, limit=50)]
    assert use(client.squads.update, made.id, members=members, name="Both").name == "Both"
    call = client.calls.create(squad_id=made.id, phone_number_id=number_id, **options())
    assert client.calls.get(call.id).squad_id == made.id
    own = {"members": members}
    call = client.calls.create(squad=own, phone_number_id=number_id, **options())
    assert call.squad.members[1].assistant.first_message == "Desk here."
    assert use(client.squads.delete, made.id).id == made.id
    assert status_of(client.squads.get, made.id) == 404


def tools(client: Vapi) -> None:
    look: Any = {"type": "function", "function": {"name": "look", "description": "Looks."}}
    made = use(client.tools.create, request=look)
    assert use(client.tools.get, made.id).function.name == "look"
    assert made.id in [one.id for one in use(client.tools.list, limit=50)]
    see: Any = {"function": {"name": "see"}}
    assert use(client.tools.update, made.id, request=see).function.name == "see"
    assert use(client.tools.delete, made.id).id == made.id
    assert status_of(client.tools.get, made.id) == 404


def analytics(client: Vapi) -> None:
    count: Any = {"operation": "count", "column": "id"}
    query: Any = {"table": "call", "name": "by status", "groupBy": ["status"]}
    [answer] = use(client.analytics.get, queries=[{**query, "operations": [count]}])
    assert answer.name == "by status"
    assert sum(row["countId"] for row in answer.result) > 0


def transient(client: Vapi, number_id: str) -> None:
    """Assistant and customer in the body, and a key against making it twice."""
    once = options()
    once["request_options"]["additional_headers"] = {"Idempotency-Key": str(uuid.uuid4())}
    body: dict[str, Any] = {
        "assistant": {"name": "Transient", "firstMessage": "Hello."},
        "phone_number_id": number_id,
        "customer": CUSTOMER,
    }
    made, again = (client.calls.create(**body, **once) for _ in range(2))
    assert made.id == again.id
    assert made.assistant.name == "Transient"


def errors(client: Vapi, url: str) -> None:
    assert status_of(client.calls.create, customer=CUSTOMER) == 400
    assert status_of(client.calls.create, squad_id=UNKNOWN) == 400
    assert status_of(client.calls.get, UNKNOWN) == 404
    assert status_of(client.calls.get, "no-uuid") == 400
    assert status_of(Vapi(token="no key", base_url=url).calls.list) == 401


async def concurrently(url: str, key: str) -> None:
    client = AsyncVapi(token=key, base_url=url)
    assert isinstance(await client.calls.list(limit=1), list)


def main(url: str, key: str) -> None:
    import asyncio

    client = Vapi(token=key, base_url=url)
    assistant_id = assistants(client)
    numbers = phone_numbers(client)
    for carrier in CARRIERS:
        calls(client, assistant_id, numbers[carrier], carrier)
        transient(client, numbers[carrier])
    squads(client, assistant_id, numbers[CARRIERS[0]])
    tools(client)
    analytics(client)
    errors(client, url)
    asyncio.run(concurrently(url, key))
    print("\n".join(sorted(set(used))))


if __name__ == "__main__":
    main(*sys.argv[1:])
