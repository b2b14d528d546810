"""A call that is handed to another assistant: what is stored, what is told, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app.domain.assistant.history import History
from app.domain.calls import record
from app.domain.legs.handoff import MOST, MOST_A_MINUTE, NoHandoff, Talk
from app.domain.reporting import server_messages
from app.domain.services.media import StreamClaim
from tests.domain.live_call import Live
from tests.domain.use_cases import Clock
from tests.fakes.carriers.leg import Leg
from tests.routes.api import UNKNOWN, Api

OF_ANN = {"url": "https://ann.example", "secret": "of Ann"}
OF_BOB = {"url": "https://bob.example", "secret": "of Bob"}
WANTS = ["transfer-update", "status-update", "end-of-call-report"]
KEY = "the key of Bob"
BOB: dict[str, Any] = {
    "name": "Bob",
    "firstMessage": "Bob for {{who}} at {{hour}}.",
    "server": OF_BOB,
    "serverMessages": WANTS,
    "credentials": [{"provider": "openai", "apiKey": KEY}],
    "variableValues": {"who": "nobody", "hour": "noon"},
}
ANN: dict[str, Any] = {
    "name": "Ann",
    "server": OF_ANN,
    "serverMessages": WANTS,
    "variableValues": {"who": "somebody"},
}
TALK = Talk(History((0,), 1), {"messages": [{"role": "bot", "message": "Hello."}]})


@pytest.fixture
def live(api: Api, carrier: type[Leg], app: Flask) -> Live:
    """A call of a number with a squad, whose first member is in."""
    cid = api.made("/assistant", {"name": "Cid"})
    members = [
        {"assistant": ANN},
        {"assistant": BOB, "assistantOverrides": {"endCallMessage": "Bye."}},
        {"assistantId": cid["id"]},
    ]
    shared = {"metadata": {"of": "all"}}
    made = api.made("/squad", {"members": members, "membersOverrides": shared})
    carrier.number_of(api, squadId=made["id"])
    return Live(api, carrier(app))


def to(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "assistant", "assistantName": name, **fields}


def hand(live: Live, claim: StreamClaim, destination: dict[str, Any], **values: Any) -> StreamClaim:
    chosen: StreamClaim = live.media.next_assistant(claim, destination, {**claim.values, **values})
    live.media.hand_over(chosen, TALK)
    return replace(chosen, handed=None)


def name_of(claim: StreamClaim) -> str:
    return str(claim.assistant.json["name"])


def told(live: Live, kind: str) -> list[dict[str, Any]]:
    found: Any = live.api.get(f"/call/{live.id}/messages").json
    return [each for each in found if each["type"] == kind]


def test_a_member_takes_over(live: Live) -> None:
    """With its overrides, secrets, server and values; a socket that is opened again has it."""
    assert name_of(live.claim) == "Ann"
    assert live.call["squadId"]
    claim = hand(live, live.claim, to("bob "), who="Eve")
    assert claim.assistant.json["firstMessage"] == "Bob for Eve at noon."
    assert claim.assistant.json["endCallMessage"] == "Bye."
    assert claim.assistant.json["metadata"] == {"of": "all"}
    assert claim.accounts["openai"].key == KEY
    call = live.call
    names = [each["assistantName"] for each in call["artifact"]["assistantActivations"]]
    assert names == ["Ann", "Bob"]
    assert call["artifact"]["variableValues"]["who"] == "Eve"
    assert call["messages"] == TALK.artifact["messages"]
    assert KEY not in str(call)
    [update] = told(live, "transfer-update")
    assert update["url"] == OF_ANN["url"]
    body = update["body"]["message"]
    assert (body["fromAssistant"]["name"], body["toAssistant"]["name"]) == ("Ann", "Bob")
    assert body["destination"] == to("bob ")
    assert "of Bob" not in str(body)
    live.lose()
    live.put_back(1)
    assert name_of(live.claim) == "Bob"
    assert live.claim.history == TALK.history
    assert live.claim.values["who"] == "Eve"
    live.end()
    ended = [each for each in told(live, "status-update") if each["url"] == OF_BOB["url"]]
    assert len(ended) == 1
    services = live.leg.app.extensions["patchbay"]
    with services.store.read() as conn:
        row = record.get(conn, live.id)
    assert row is not None
    for server in (OF_ANN, OF_BOB):  # what waits for Ann's server is signed as hers
        found = server_messages.secrets_for(services.context, row, server["url"])
        assert found["secret"] == server["secret"]
    assert live.kinds().count("assistant.changed") == 1


def test_a_stored_assistant_and_a_server_s_own(live: Live, api: Api) -> None:
    """``assistantId`` need not be of the squad; overrides of the destination apply."""
    dan = api.made("/assistant", {"name": "Dan", "server": OF_BOB})
    overrides = {"firstMessage": "Dan at {{hour}}.", "variableValues": {"hour": "six"}}
    place = {"type": "assistant", "assistantId": dan["id"], "assistantOverrides": overrides}
    claim = hand(live, live.claim, place)
    assert claim.assistant.json["firstMessage"] == "Dan at six."
    last = live.call["artifact"]["assistantActivations"][-1]
    assert last == {"assistantName": "Dan", "assistantId": dan["id"]}
    assert "assistantId" not in live.call
    eve = {"type": "assistant", "assistant": {"name": "Eve"}}
    assert hand(live, claim, eve).assistant.json["name"] == "Eve"


def test_another_squad(live: Live, api: Api) -> None:
    members = [{"assistant": {"name": "Fay"}}, {"assistant": {"name": "Gil"}}]
    made = api.made("/squad", {"members": members})
    over = {"firstMessage": "All."}
    place = {"type": "squad", "squadId": made["id"], "squadOverrides": over}
    claim = hand(live, live.claim, {**place, "entryAssistantName": "Gil"})
    assert (claim.assistant.json["name"], claim.turn) == ("Gil", 1)
    claim = hand(live, claim, to("Fay"))
    assert (claim.assistant.json["firstMessage"], claim.turn) == ("All.", 2)
    with pytest.raises(NoHandoff, match="its squad has 'Fay', 'Gil'"):
        hand(live, claim, to("Ann"))


REFUSED: list[tuple[dict[str, Any], str]] = [
    (to("Rob"), "knows no assistant 'Rob': its squad has 'Ann', 'Bob', 'Cid'"),
    ({"type": "assistant"}, "knows no assistant ''"),
    ({"type": "assistant", "assistantId": UNKNOWN}, f"assistantId {UNKNOWN} does not exist"),
    ({"type": "assistant", "assistantId": "x\0y"}, "does not exist"),
    ({"type": "squad", "squadId": UNKNOWN}, "Couldn't Get Squad"),
    ({"type": "squad"}, "names no squad"),
    (to("Bob", assistantOverrides={"transport": {"provider": "echo"}}), "its transport is echo"),
    (to("Bob", assistantOverrides={"serverUrl": "ftp://x"}), "serverUrl is not valid"),
    ({"type": "assistant", "assistant": {"model": {"toolIds": [UNKNOWN]}}}, "Couldn't Get Tool"),
]


def test_what_is_refused_changes_nothing(live: Live) -> None:
    before = live.call
    for destination, words in REFUSED:
        with pytest.raises(NoHandoff) as refused:
            hand(live, live.claim, destination)
        assert words in str(refused.value)
    assert live.call == before


def test_a_loop_is_bounded(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many handoffs in a minute, and so many of a call."""
    context, claim = live.media.context, live.claim
    clock = Clock()
    clock.at = context.now()
    monkeypatch.setattr(type(context), "now", property(lambda _: clock))
    for number in range(MOST):
        if number and number % MOST_A_MINUTE == 0:
            with pytest.raises(NoHandoff, match="a minute at most"):
                hand(live, claim, to("Cid"))
            clock.pass_(120)
        claim = hand(live, claim, to("Ann" if number % 2 else "Bob"))
    clock.pass_(120)
    with pytest.raises(NoHandoff, match=f"{MOST} times at most"):
        hand(live, claim, to("Cid"))


def test_a_socket_that_another_one_replaced_hands_nothing_over(live: Live) -> None:
    old = live.claim
    live.lose()
    live.put_back(1)
    with pytest.raises(NoHandoff, match="another socket"):
        hand(live, old, to("Bob"))


def test_what_was_said_to_an_assistant_without_a_record_stays_unkept(live: Live) -> None:
    over = {"compliancePlan": {"hipaaEnabled": True}}
    claim = hand(live, live.claim, to("Bob", assistantOverrides=over))
    claim = hand(live, claim, to("Cid"))
    assert claim.assistant.keeps_no_record
    assert claim.assistant.recording.is_forbidden
