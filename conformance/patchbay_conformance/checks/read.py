"""Reading, listing, changing and deleting calls."""

from __future__ import annotations

from uuid import uuid4

from patchbay_conformance.checks.errors import check_error
from patchbay_conformance.row import Row
from patchbay_conformance.verdict import expect, same
from patchbay_conformance.world import World

CALL = "GET /call/{id} has the fields of POST /call's answer"


def get(world: World) -> None:
    carrier = world.carrier("twilio")
    made = world.create(carrier)
    found = world.call(made["id"])
    for field in ("id", "orgId", "createdAt", "type", "status", "phoneNumberId", "customer"):
        same(field, found.get(field), made.get(field))
    expect(found.get("phoneCallProviderDetails"), "phoneCallProviderDetails is missing")


def unknown(world: World) -> None:
    check_error(world.ask("GET", f"/call/{uuid4()}"), 404)


def listed(world: World) -> None:
    carrier = world.carrier("twilio")
    first, second = (world.create(carrier)["id"] for _ in range(2))
    found = world.api("GET", "/call?limit=100")
    expect(isinstance(found, list), "GET /call is not a bare array")
    ids = [call["id"] for call in found]
    expect({first, second} <= set(ids), "GET /call misses a call that was just made")
    expect(ids.index(second) < ids.index(first), "GET /call does not begin with the newest")


def limited(world: World) -> None:
    carrier = world.carrier("twilio")
    made = [world.create(carrier) for _ in range(2)]
    expect(len(world.api("GET", "/call?limit=1")) == 1, "limit=1 does not give one call")
    newer = world.api("GET", f"/call?limit=100&createdAtLt={made[0]['createdAt']}")
    ids = {call["id"] for call in newer}
    expect(not ids & {call["id"] for call in made}, "createdAtLt shows calls made later")


def by_assistant(world: World) -> None:
    carrier = world.carrier("twilio")
    stored = world.make("/assistant", world.assistant())
    made = world.create(carrier, assistant=None, assistantId=stored["id"])
    same("assistantId", made.get("assistantId"), stored["id"])
    found = world.api("GET", f"/call?assistantId={stored['id']}")
    same("the calls of the assistant", [call["id"] for call in found], [made["id"]])


def patched(world: World) -> None:
    made = world.create(world.carrier("twilio"))
    changed = world.api("PATCH", f"/call/{made['id']}", {"name": "Renamed"})
    same("name", changed.get("name"), "Renamed")
    same("name, read again", world.call(made["id"]).get("name"), "Renamed")


def deleted(world: World) -> None:
    made = world.create(world.carrier("twilio"))
    gone = world.api("DELETE", f"/call/{made['id']}")
    same("id of the answer", gone.get("id"), made["id"])
    check_error(world.ask("GET", f"/call/{made['id']}"), 404)


ROWS = [
    Row("read.get", CALL, "GET /call/{id}", get),
    Row("read.unknown", "404 in Vapi's error shape", "GET /call/{id} of no call", unknown),
    Row("read.list", "a bare array, the newest first", "GET /call after two calls", listed),
    Row("read.limit", "limit and createdAtLt narrow the list", "GET /call with each", limited),
    Row(
        "read.assistant",
        "assistantId creates a call and narrows the list",
        "POST /assistant, POST /call, GET /call?assistantId=",
        by_assistant,
    ),
    Row("read.patch", "PATCH changes name", "PATCH /call/{id}", patched),
    Row("read.delete", "200 with the Call; then 404", "DELETE /call/{id}", deleted),
]
