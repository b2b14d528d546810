"""/phone-number and /credential: which account a number stands on, and that no secret comes out."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.routes.schemas.base import HOLDERS
from app.store.resources import find_account
from tests.routes.api import ACCOUNT, TOKEN, TWILIO_NUMBER, UNKNOWN, VONAGE_CREDENTIAL, Api, refused

FIELDS = {k: v for k, v in TWILIO_NUMBER.items() if k not in {"provider", "number"}}


@pytest.fixture
def credential(api: Api) -> dict[str, Any]:
    return api.made("/credential", VONAGE_CREDENTIAL)


def secrets(app: Flask, api: Api) -> list[Any]:
    """Stored auth tokens of the account, newest first."""
    services = app.extensions["patchbay"]
    with services.store.read() as conn:
        rows = find_account(conn, api.org_id, "twilio", ACCOUNT)
    return [services.vault.open(row["secret"])["authTokens"] for row in rows]


def test_a_number_with_its_account(app: Flask, api: Api) -> None:
    made = api.made("/phone-number", TWILIO_NUMBER | {"name": "Desk"})
    assert made["provider"] == "twilio"
    assert made["number"] == "+14155550100"
    assert made["status"] == "active"
    assert made["twilioAccountSid"] == ACCOUNT
    assert made["name"] == "Desk"
    assert api.get(f"/phone-number/{made['id']}").json == made
    assert api.get("/phone-number").json == [made]
    assert api.get(f"/credential/{made['credentialId']}").json["accountSid"] == ACCOUNT
    for path in ("/phone-number", "/credential"):
        assert TOKEN not in api.get(path).text
    assert secrets(app, api) == [[TOKEN]]


def test_a_number_on_a_credential(api: Api, credential: dict[str, Any]) -> None:
    body = {"provider": "vonage", "number": "447700900123", "credentialId": credential["id"]}
    made = api.made("/phone-number", body)
    assert (made["number"], made["credentialId"]) == ("+447700900123", credential["id"])


INFERRED: list[tuple[dict[str, Any], str]] = [
    ({"number": "+14155550100", **FIELDS}, "twilio"),  # an official client drops the provider
    ({"twilioPhoneNumber": "+14155550100", **FIELDS}, "twilio"),
    ({"vonagePhoneNumber": "447700900123", "credentialId": "?"}, "vonage"),
    ({"number": "+447700900123", "credentialId": "?"}, "vonage"),  # the credential tells
]


@pytest.mark.parametrize(("body", "provider"), INFERRED)
def test_the_provider_is_told_by_the_fields(
    api: Api, credential: dict[str, Any], body: dict[str, Any], provider: str
) -> None:
    body = {k: credential["id"] if v == "?" else v for k, v in body.items()}
    assert api.made("/phone-number", body)["provider"] == provider


def test_import(api: Api, credential: dict[str, Any]) -> None:
    body = {"twilioPhoneNumber": "+14155550100", **FIELDS}
    assert api.made("/phone-number/import/twilio", body)["provider"] == "twilio"
    body = {"vonagePhoneNumber": "447700900123", "credentialId": credential["id"]}
    assert api.made("/phone-number/import/vonage", body)["provider"] == "vonage"
    assert refused(api.post("/phone-number/import/nobody", body)) == [
        "provider must be one of the following values: twilio, vonage"
    ]


E164 = "must be a valid phone number in the E.164 format. Hot tip, you may be missing the country code (Eg. US: +1)."
REFUSED: list[tuple[dict[str, Any], Any]] = [
    ({"number": "+14155550100"}, ["provider must be one of the following values: twilio, vonage"]),
    ({"number": "0155", **FIELDS}, [f"number {E164}"]),
    ({"number": "+1415555010a", **FIELDS}, [f"number {E164}"]),
    (FIELDS, ["number should not be empty"]),
    (
        {"number": "+14155550100", "twilioPhoneNumber": "+14155550101", **FIELDS},
        "Use either `number` or `twilioPhoneNumber`, not both.",
    ),
    # fields of two carriers
    (
        {"vonagePhoneNumber": "447700900123", **TWILIO_NUMBER},
        ["property vonagePhoneNumber should not exist"],
    ),
    (
        {"provider": "vonage", "number": "447700900123"},
        "Couldn't Get Credential. Need `credentialId`.",
    ),
    (
        {"provider": "twilio", "number": "+14155550100", "twilioAccountSid": ACCOUNT},
        "Couldn't Get Credential. Need Either `credentialId` Or `twilioAuthToken`.",
    ),
    (
        {"number": "+14155550100", "credentialId": UNKNOWN},
        f"Couldn't Get Credential. `credentialId` {UNKNOWN} Does Not Exist.",
    ),
    (
        {**TWILIO_NUMBER, "assistantId": UNKNOWN},
        f"Couldn't Get Assistant. `assistantId` {UNKNOWN} Does Not Exist.",
    ),
    # the carrier's own check
    (
        {**TWILIO_NUMBER, "twilioAccountSid": "AC1"},
        "accountSid must be AC and 32 hexadecimal digits (lower case)",
    ),
]


@pytest.mark.parametrize(("body", "message"), REFUSED)
def test_refused(api: Api, body: dict[str, Any], message: Any) -> None:
    assert refused(api.post("/phone-number", body)) == message
    assert api.get("/phone-number").json == []
    assert api.get("/credential").json == []


def test_the_credential_is_of_the_same_carrier(api: Api, credential: dict[str, Any]) -> None:
    body = {"provider": "twilio", "number": "+14155550100", "credentialId": credential["id"]}
    assert refused(api.post("/phone-number", body)) == (
        f"`credentialId` {credential['id']} is of vonage, the number is of twilio."
    )


def test_a_credential_and_a_secret_are_two_answers(api: Api) -> None:
    made = api.made("/phone-number", TWILIO_NUMBER)
    body = {**TWILIO_NUMBER, "number": "+14155550101", "credentialId": made["credentialId"]}
    message = "Use either `credentialId` or `twilioAuthToken`, not both."
    assert refused(api.post("/phone-number", body)) == message
    del body["twilioAuthToken"]
    foreign = {**body, "twilioAccountSid": "AC" + "b" * 32}
    assert "is not of the account" in refused(api.post("/phone-number", foreign))
    assert api.made("/phone-number", body)["credentialId"] == made["credentialId"]


def test_a_number_is_kept_once(api: Api, other: Api) -> None:
    made = api.made("/phone-number", TWILIO_NUMBER)
    again = {**TWILIO_NUMBER, "number": "14155550100"}
    assert refused(api.post("/phone-number", again)) == (
        f"Existing Phone Number `{made['id']}` Has Identical `number` +14155550100."
    )
    assert other.post("/phone-number", again).status_code == 201  # of which nobody here is told


def test_equal_accounts_are_one_credential(app: Flask, api: Api) -> None:
    first = api.made("/phone-number", TWILIO_NUMBER)
    second = api.made("/phone-number", TWILIO_NUMBER | {"number": "+14155550101"})
    third = api.made(
        "/phone-number", TWILIO_NUMBER | {"number": "+14155550102", "twilioAuthToken": "typo"}
    )
    assert first["credentialId"] == second["credentialId"] != third["credentialId"]
    assert secrets(app, api) == [["typo"], [TOKEN]]


def test_a_managed_credential_goes_with_its_last_number(app: Flask, api: Api) -> None:
    numbers = ["+14155550100", "+14155550101"]
    ids = [api.made("/phone-number", TWILIO_NUMBER | {"number": n})["id"] for n in numbers]
    api.delete(f"/phone-number/{ids[0]}")
    assert secrets(app, api) == [[TOKEN]]
    api.delete(f"/phone-number/{ids[1]}")
    assert secrets(app, api) == []


def test_a_clients_own_credential_stays(api: Api, credential: dict[str, Any]) -> None:
    body = {"vonagePhoneNumber": "447700900123", "credentialId": credential["id"]}
    api.delete(f"/phone-number/{api.made('/phone-number', body)['id']}")
    assert [row["id"] for row in api.get("/credential").json] == [credential["id"]]


def test_a_credential_stays_while_a_call_is_verified_by_it(app: Flask, api: Api) -> None:
    call = api.call()
    api.delete(f"/phone-number/{call['phoneNumberId']}")
    assert secrets(app, api) == [[TOKEN]]
    [credential] = api.get("/credential").json
    message = refused(api.delete(f"/credential/{credential['id']}"))
    assert message == f"Couldn't Delete Credential. Call `{call['id']}` Uses It."


def test_a_credential_in_use_is_not_deleted(api: Api) -> None:
    made = api.made("/phone-number", TWILIO_NUMBER)
    message = refused(api.delete(f"/credential/{made['credentialId']}"))
    assert message == (
        f"Couldn't Delete Credential. Phone Number `{made['id']}` (+14155550100) Uses It."
    )


def test_patch_number(app: Flask, api: Api) -> None:
    assistant = api.made("/assistant", {})["id"]
    made = api.made("/phone-number", TWILIO_NUMBER | {"name": "Desk", "serverUrlSecret": "x-y-z"})
    path = f"/phone-number/{made['id']}"
    changed = api.patch(path, {"name": None, "assistantId": assistant, "provider": "twilio"}).json
    assert "name" not in changed
    assert changed["assistantId"] == assistant
    assert changed["credentialId"] == made["credentialId"]
    changed = api.patch(path, {"assistantId": None, "twilioPhoneNumber": "14155550199"}).json
    assert "assistantId" not in changed
    assert changed["number"] == "+14155550199"
    assert api.get(path).json == changed


def test_patch_the_secret_of_a_number(app: Flask, api: Api) -> None:
    path = f"/phone-number/{api.made('/phone-number', TWILIO_NUMBER)['id']}"
    changed = api.patch(path, {"twilioAuthToken": "rotated"}).json
    assert secrets(app, api) == [["rotated"]]
    assert [row["id"] for row in api.get("/credential").json] == [changed["credentialId"]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"provider": "vonage"}, "The provider of a phone number cannot be changed."),
        ({"vonagePhoneNumber": "447700900123"}, ["property vonagePhoneNumber should not exist"]),
        (
            {"assistantId": UNKNOWN},
            f"Couldn't Get Assistant. `assistantId` {UNKNOWN} Does Not Exist.",
        ),
        (
            {"credentialId": UNKNOWN},
            f"Couldn't Get Credential. `credentialId` {UNKNOWN} Does Not Exist.",
        ),
        ({"status": "blocked"}, ["property status should not exist"]),
    ],
)
def test_wrong_patch(api: Api, body: dict[str, Any], message: Any) -> None:
    made = api.made("/phone-number", TWILIO_NUMBER)
    assert refused(api.patch(f"/phone-number/{made['id']}", body)) == message
    assert api.get(f"/phone-number/{made['id']}").json == made


def test_credential(api: Api) -> None:
    made = api.made("/credential", VONAGE_CREDENTIAL | {"name": "Main"})
    assert made["provider"] == "vonage"
    assert made["apiKey"] == "abcd1234"
    assert made["name"] == "Main"
    for secret in ("apiSecret", "signatureSecret"):
        assert VONAGE_CREDENTIAL[secret] not in api.get("/credential").text
    path = f"/credential/{made['id']}"
    assert api.patch(path, {"name": "Side"}).json["name"] == "Side"
    assert "name" not in api.patch(path, {"name": None}).json
    assert api.patch(path, VONAGE_CREDENTIAL | {"apiSecret": "new"}).json["apiKey"] == "abcd1234"
    assert api.delete(path).status_code == 200
    assert api.get("/credential").json == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"provider": "nobody"},
            [f"provider must be one of the following values: {', '.join(HOLDERS)}"],
        ),
        ({}, ["provider should not be empty"]),
        ({"provider": "twilio", "accountSid": ACCOUNT}, "authToken is missing"),
        # a secret nobody reads would be lost in silence
        (
            {**VONAGE_CREDENTIAL, "signatureSecrt": "x"},
            ["property signatureSecrt should not exist"],
        ),
        (
            {**VONAGE_CREDENTIAL, "name": "n" * 41},
            ["name must be shorter than or equal to 40 characters"],
        ),
    ],
)
def test_wrong_credential(api: Api, body: dict[str, Any], message: Any) -> None:
    assert refused(api.post("/credential", body)) == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"provider": "twilio"}, "The provider of a credential cannot be changed."),
        ({"apiSecret": "alone"}, None),
        (
            VONAGE_CREDENTIAL | {"apiKey": "other123"},
            "The account of a credential cannot be changed: create another one.",
        ),
    ],
)
def test_wrong_credential_patch(
    api: Api, credential: dict[str, Any], body: dict[str, Any], message: str | None
) -> None:
    answer = refused(api.patch(f"/credential/{credential['id']}", body))
    assert message is None or answer == message


# ------------------------------------------------------------------ by pages


@pytest.fixture
def five(api: Api) -> list[str]:
    """The ids of five numbers, oldest first."""
    return [
        api.made(
            "/phone-number", {**TWILIO_NUMBER, "number": f"+1415555010{n}", "name": f"Desk {n}_"}
        )["id"]
        for n in range(5)
    ]


@pytest.mark.parametrize(
    ("query", "found", "metadata"),
    [
        # all of them, newest first
        ({}, [4, 3, 2, 1, 0], (100, 5, 1, 1, False)),
        ({"limit": 2}, [4, 3], (2, 5, 1, 3, True)),
        ({"limit": 2, "page": 3}, [0], (2, 5, 3, 3, False)),
        # beyond the last
        ({"limit": 2, "page": 4}, [], (2, 5, 4, 3, False)),
        ({"limit": 2, "page": 2, "sortOrder": "ASC"}, [2, 3], (2, 5, 2, 3, True)),
        # clients write numbers as they like
        ({"limit": "2.0", "page": "1.0"}, [4, 3], (2, 5, 1, 3, True)),
        # part of the number, part of the name in any case
        ({"search": "0103"}, [3], (100, 1, 1, 1, False)),
        ({"search": "dESK 2"}, [2], (100, 1, 1, 1, False)),
        # a wildcard of SQL is a character
        ({"search": "%"}, [], (100, 0, 1, 0, False)),
        ({"search": "2_"}, [2], (100, 1, 1, 1, False)),
        ({"limit": 0}, [], (0, 5, 1, 1, False)),
    ],
)
def test_pages(
    api: Api, five: list[str], query: dict[str, Any], found: list[int], metadata: tuple[Any, ...]
) -> None:
    answer = api.get("/v2/phone-number", **query).json
    assert [row["id"] for row in answer["results"]] == [five[n] for n in found]
    assert tuple(answer["metadata"].values()) == metadata


def test_pages_by_time(api: Api, five: list[str]) -> None:
    at = api.get(f"/phone-number/{five[2]}").json["createdAt"]
    answer = api.get("/v2/phone-number", createdAtGt=at).json
    assert {row["id"] for row in answer["results"]} <= {five[3], five[4]}


def test_pages_are_the_organisations_own(other: Api, five: list[str]) -> None:
    assert other.get("/v2/phone-number").json["metadata"]["totalItems"] == 0


@pytest.mark.parametrize("query", [{"page": 0}, {"page": "x"}, {"sortOrder": "UP"}, {"foo": 1}])
def test_wrong_pages(api: Api, query: dict[str, Any]) -> None:
    assert len(refused(api.get("/v2/phone-number", **query))) == 1
