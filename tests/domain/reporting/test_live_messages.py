"""Messages while the assistant talks: who gets which, what they hold, and how many may wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app import default_org
from app.domain.assistant.config import AssistantConfig
from app.domain.calls import record
from app.domain.calls.record import CallTx
from app.domain.reporting import server_messages
from app.domain.reporting.live_messages import OutgoingMessage
from app.domain.services.media import StreamClaim
from app.settings import Settings
from providers.events import EndedReason, EventKind
from tests.domain.legs.test_outbound import dialled
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.rest_api import RestApi
from tests.fakes.carriers.twilio import TWILIO

FINAL = {"role": "user", "transcriptType": "final", "transcript": "Hi."}
PARTIAL = {**FINAL, "transcriptType": "partial"}
SPEECH = OutgoingMessage("speech-update", {"role": "user", "status": "started", "turn": 0})
TALK = {"messages": [{"role": "bot", "message": "Hello."}], "transcript": "AI: Hello.\n"}
ABROAD = {"type": "number", "number": "+14155550199"}


@pytest.mark.parametrize(
    ("listed", "kind", "extra", "wanted"),
    [
        (None, "conversation-update", {}, True),  # Vapi's default of today
        (None, "transcript", FINAL, False),
        (None, "phone-call-control", {}, False),
        ([], "end-of-call-report", {}, False),  # none at all
        (["transcript"], "transcript", PARTIAL, True),
        (['transcript[transcriptType="final"]'], "transcript", FINAL, True),
        (['transcript[transcriptType="final"]'], "transcript", PARTIAL, False),
        (["hang"], "speech-update", {}, False),
    ],
)
def test_who_wants_what(listed: Any, kind: str, extra: dict[str, Any], wanted: bool) -> None:
    assert AssistantConfig({"serverMessages": listed}).wants_server_message(kind, extra) is wanted


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(settings) as made:
        yield made


class Talking:
    """A call in which the assistant is."""

    def __init__(self, both: tuple[Domain, RestApi], **assistant: Any) -> None:
        self.ours, api = both
        whole = {"server": {"url": "http://127.0.0.1:9/"}, **assistant}
        self.call = dialled(self.ours, api, TWILIO, assistant=whole)
        self.ours.hear(self.call, TWILIO, EventKind.LEG_ANSWERED)
        self.ours.hear(self.call, TWILIO, EventKind.MEDIA_CONNECTED)
        provider, call_id = self.ours.context.providers["twilio"], self.call["id"]
        self.claim = StreamClaim(
            call_id, "", "stream-1", provider, "local", None, AssistantConfig(whole), {}
        )

    def tell(self, *message: OutgoingMessage) -> None:
        self.ours.media.flush(self.claim, message, {})

    def sent(self) -> list[dict[str, Any]]:
        """In the order they will be delivered, without those of statuses."""
        found = self.ours.calls.messages(default_org.ORG_ID, self.call["id"])
        bodies = [each["body"]["message"] for each in found]
        return [body for body in bodies if body["type"] != "status-update"]


def test_those_of_a_moment_say_what_is_new(both: tuple[Domain, RestApi]) -> None:
    one = Talking(both)
    one.ours.media.flush(one.claim, [SPEECH], TALK)
    (told,) = one.sent()
    assert (told["role"], told["status"]) == ("user", "started")
    assert told["call"]["id"] == one.call["id"]
    assert "artifact" not in told
    assert not {"messages", "transcript", "artifact"} & told["call"].keys()


def test_others_hold_what_was_said(both: tuple[Domain, RestApi]) -> None:
    one = Talking(both, serverMessages=["transcript"])
    one.ours.media.flush(one.claim, [OutgoingMessage("transcript", FINAL)], TALK)
    (told,) = one.sent()
    assert told["artifact"] == {
        **TALK,
        "messagesOpenAIFormatted": [{"role": "assistant", "content": "Hello."}],
    }


def test_a_receiver_that_is_down_does_not_fill_the_database(both: tuple[Domain, RestApi]) -> None:
    one = Talking(both, serverMessages=["speech-update", "transcript"])
    for _ in range(server_messages.MAX_PENDING + 10):
        one.tell(SPEECH)
    one.tell(OutgoingMessage("transcript", FINAL))  # this one is kept
    kinds = [each["type"] for each in one.sent()]
    assert kinds.count("speech-update") == server_messages.MAX_PENDING
    assert kinds[-1] == "transcript"


def test_a_transfer_is_told_to_who_asks(both: tuple[Domain, RestApi]) -> None:
    one = Talking(both, serverMessages=["transfer-update"])
    assert one.ours.media.transfer(one.claim, ABROAD, None) is None
    (told,) = one.sent()
    assert (told["type"], told["destination"]) == ("transfer-update", ABROAD)
    assert one.ours.get(one.call)["status"] == "forwarding"


def test_who_controls_the_leg_is_told_to_forward_it(both: tuple[Domain, RestApi]) -> None:
    one = Talking(both, serverMessages=["phone-call-control"])
    assert one.ours.media.transfer(one.claim, ABROAD, None) is None
    (told,) = one.sent()
    assert (told["request"], told["destination"]) == ("forward", ABROAD)
    assert one.ours.get(one.call)["status"] == "in-progress"  # until the server has moved the leg


def test_who_controls_the_leg_learns_no_secret(both: tuple[Domain, RestApi]) -> None:
    """The destination is the tool's, with the secrets of what its assistant may ask."""
    one = Talking(both, serverMessages=["phone-call-control"])
    server = {"url": "https://x.example/", "secret": "c4n4ry"}
    talks = {"model": {"provider": "openai", "tools": [{"type": "function", "server": server}]}}
    plan = {"mode": "warm-transfer-experimental", "transferAssistant": talks}
    assert one.ours.media.transfer(one.claim, {**ABROAD, "transferPlan": plan}, None) is None
    (told,) = one.sent()
    assert "c4n4ry" not in str(told)
    asked = told["destination"]["transferPlan"]["transferAssistant"]["model"]["tools"]
    assert asked == [{"type": "function", "server": {"url": "https://x.example/"}}]


def test_and_to_hang_up_once(both: tuple[Domain, RestApi]) -> None:
    one = Talking(both, serverMessages=["phone-call-control"])
    for _ in range(2):
        one.ours.media.request_end(one.claim, EndedReason.ASSISTANT_ENDED_CALL)
    (told,) = one.sent()
    assert told["request"] == "hang-up"
    assert one.ours.get(one.call)["status"] == "ended"


@pytest.mark.parametrize(
    ("seconds", "left"),
    [
        (1.0, ["speech-update", "end-of-call-report"]),  # on its way
        (60.0, ["end-of-call-report"]),  # nobody was there to hear it
    ],
)
def test_a_report_does_not_queue_behind_what_is_stale(
    both: tuple[Domain, RestApi], seconds: float, left: list[str]
) -> None:
    one = Talking(both)
    one.tell(SPEECH)
    one.ours.clock.pass_(seconds)
    one.ours.end(one.call)
    with one.ours.context.store.write() as conn:
        call = record.get(conn, one.call["id"], lock=True)
        assert call is not None
        server_messages.queue_report(CallTx(one.ours.context, conn, call))
    assert [each["type"] for each in one.sent()] == left
