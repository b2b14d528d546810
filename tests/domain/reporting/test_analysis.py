"""The call's own model is asked after its end; the report waits, and goes without what fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.assistant.config import AssistantConfig
from app.domain.reporting import analysis
from app.domain.services.media import StreamClaim
from providers.events import EventKind
from tests.domain.assistant.test_analysis_plan import OFF
from tests.domain.legs.test_outbound import dialled
from tests.domain.use_cases import Domain
from tests.fakes.carriers.rest_api import RestApi
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.vendors.chat import QUOTA, Chat
from tests.fakes.vendors.served import Fault
from tests.fakes.vendors.threaded import threaded

MODEL = {"provider": "openai", "model": "gpt-4o"}
LOCAL = {"recordingEnabled": False, "model": MODEL, "server": {"url": "http://127.0.0.1:9/"}}
TALK = {
    "messages": [{"role": "bot", "message": "Hello."}, {"role": "user", "message": "Hi."}],
    "transcript": "AI: Hello.\nUser: Hi.\n",
}


@pytest.fixture(scope="module")
def served() -> Iterator[Chat]:
    with threaded(Chat("They greeted each other.")) as running:
        yield running


class Talked:
    """A call whose assistant is in, and has said something."""

    def __init__(self, both: tuple[Domain, RestApi], call: Any = None, **assistant: Any) -> None:
        """``call``: fields of the request."""
        self.ours, api = both
        self.context = self.ours.context
        whole = {**LOCAL, **assistant}
        given = {"assistant": whole, **(call or {})}
        self.call = dialled(self.ours, api, TWILIO, **given)
        self.ours.hear(self.call, TWILIO, EventKind.LEG_ANSWERED)
        self.ours.hear(self.call, TWILIO, EventKind.MEDIA_CONNECTED)
        provider, call_id = self.context.providers["twilio"], self.call["id"]
        self.claim = StreamClaim(
            call_id, "", "stream-1", provider, "local", None, AssistantConfig(whole), {}
        )
        self.ours.media.flush(self.claim, [], TALK)

    def end(self) -> None:
        self.ours.end(self.call)
        self.ours.settle(self.call)

    @property
    def due(self) -> float | None:
        """Seconds until the job runs."""
        _, delay = self.ours.later.waiting.get(f"analyse:{self.call['id']}", (None, None))
        return delay

    def run(self) -> float | None:
        return analysis.run(self.context, {"callId": self.call["id"]})

    def shown(self) -> dict[str, Any]:
        return self.ours.get(self.call)

    def reports(self) -> list[dict[str, Any]]:
        return self.ours.reports(self.call)


def test_the_report_waits_for_what_the_model_says(both: tuple[Domain, RestApi], chat: Chat) -> None:
    one = Talked(both)
    one.end()
    assert one.due == analysis.LAST_WORDS_SECONDS
    assert one.reports() == []
    assert one.run() is None
    (report,) = one.reports()
    assert report["summary"] == report["analysis"]["summary"] == chat.text
    assert one.shown()["analysis"] == {"summary": chat.text, "successEvaluation": chat.text}
    assert len(chat.asked) == 2
    costs = report["costBreakdown"]["analysisCostBreakdown"]
    assert costs["summary"] == pytest.approx(42 * 2.5e-6 + 17 * 10e-6)
    assert report["cost"] == pytest.approx(2 * costs["summary"])


def test_once_all_is_written_nobody_waits(both: tuple[Domain, RestApi]) -> None:
    one = Talked(both)
    one.ours.media.finished(one.claim)
    assert one.due is None  # the call goes on: its socket was lost, or it is forwarded
    one.end()
    one.ours.media.finished(one.claim)
    assert one.due == 0


def test_a_job_that_runs_twice_asks_once(both: tuple[Domain, RestApi], chat: Chat) -> None:
    one = Talked(both)
    one.end()
    one.run()
    assert one.run() is None
    assert (len(chat.asked), len(one.reports())) == (2, 1)


def test_a_failure_that_may_pass_is_asked_again(both: tuple[Domain, RestApi], chat: Chat) -> None:
    """Only what has no answer yet."""
    one = Talked(both)
    one.end()
    chat.faults.append(Fault(503))
    assert one.run() == analysis.WAITS[0]
    assert one.reports() == []
    assert one.run() is None
    assert len(chat.asked) == 3
    assert set(one.shown()["analysis"]) == {"summary", "successEvaluation"}


def test_a_model_that_stays_away_costs_the_report_nothing_but_time(
    both: tuple[Domain, RestApi], chat: Chat
) -> None:
    one = Talked(both)
    one.end()
    chat.faults += [Fault(503)] * 6
    assert [one.run() for _ in range(3)] == [*analysis.WAITS, None]
    (report,) = one.reports()
    assert (report["summary"], report["analysis"]) == ("", {})


def test_a_failure_that_lasts_is_not_asked_again(both: tuple[Domain, RestApi], chat: Chat) -> None:
    one = Talked(both)
    one.end()
    chat.faults += [Fault(429, QUOTA)] * 2
    assert one.run() is None
    assert len(one.reports()) == 1


@pytest.mark.parametrize(
    "assistant",
    [
        {"analysisPlan": OFF},  # asked for nothing
        {"model": {"provider": "embedded"}},  # a menu has nothing to think with
        {"model": None},
        {"transport": {"provider": "echo"}},  # no model takes part
    ],
)
def test_nothing_is_waited_for_where_nothing_comes(
    both: tuple[Domain, RestApi], assistant: dict[str, Any]
) -> None:
    one = Talked(both, **assistant)
    one.end()
    assert (one.due, len(one.reports())) == (None, 1)


def test_what_a_socket_used_is_paid_once(both: tuple[Domain, RestApi]) -> None:
    one = Talked(both)
    used = {"type": "model", "model": MODEL, "promptTokens": 1000, "completionTokens": 100}
    for stream in ("stream-1", "stream-2", "stream-2"):
        one.ours.media.flush(replace(one.claim, stream=stream), [], {}, [used])
    shown = one.shown()
    assert shown["costBreakdown"]["llmPromptTokens"] == 2000
    assert shown["costBreakdown"]["llm"] == pytest.approx(2 * (0.0025 + 0.001))
    assert [each["type"] for each in shown["costs"]] == ["model", "model"]
