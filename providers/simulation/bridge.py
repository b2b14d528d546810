"""The bridge's public API, as its client uses it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.assistants import ECHO, TRANSFERRING
from providers.simulation.config import SimulatorConfig
from providers.simulation.timeline import HttpClient, SimulatorError, Timeline

# A bridge that is late with its second request makes the third one 120 PRICE_SECONDS after the end.
PRICE_WAIT_SECONDS = 30.0
# The pause between two looks at a call.
POLL_SECONDS = 0.05
JSON = {"Content-Type": "application/json"}

# A call's ``status`` and ``endedReason``.
Outcome = tuple[str | None, str | None]


class Bridge:
    """The bridge's public API, as its client uses it. Methods raise ``SimulatorError``."""

    def __init__(self, config: SimulatorConfig, wire: HttpClient, timeline: Timeline) -> None:
        self._config = config
        self._wire = wire
        self._timeline = timeline
        # The ``transferPlan`` of the next transfer, as a field of its destination.
        self.plan: JsonDict = {}

    def create_call(self, provider: str, *, basic: bool = False, **extra: Any) -> JsonDict:
        """Create a call in bypass mode.

        ``basic``: the key as a basic password, as Studio sends it.
        """
        body = {
            "phoneNumberId": self.phone_number_id(provider),
            "phoneCallProviderBypassEnabled": True,
            "customer": {"number": self._config.customer},
            "assistantId": self.assistant_id(),
            **extra,
        }
        call: JsonDict = self._api("POST", "/call", body, basic=basic)
        return call

    def call(self, call_id: str) -> JsonDict:
        call: JsonDict = self._api("GET", f"/call/{call_id}", quiet=True)
        return call

    def end_call(self, call_id: str) -> None:
        self._api("POST", f"/call/{call_id}/control", {"type": "end-call"})

    def transfer(self, call_id: str) -> None:
        destination = {**self.destination(), **self.plan}
        body = {"type": "transfer", "destination": destination, "content": TRANSFERRING}
        self._api("POST", f"/call/{call_id}/control", body)

    def whisper(self, call_id: str, words: str) -> None:
        """Tell the assistant something that the caller does not hear."""
        message = {"role": "system", "content": words}
        body = {"type": "add-message", "message": message, "triggerResponseEnabled": False}
        self._api("POST", f"/call/{call_id}/control", body)

    def supervise(self, call_id: str) -> str:
        """The URL of a websocket for a supervisor."""
        return str(self._api("POST", f"/call/{call_id}/supervisor")["websocketUrl"])

    @contextmanager
    def number_with(self, provider: str, server_url: str) -> Iterator[None]:
        """Give the number this server and no assistant; restore it afterwards."""
        with self.number_as(provider, {"server": {"url": server_url}, "assistantId": None}):
            yield

    @contextmanager
    def number_as(self, provider: str, fields: JsonObject) -> Iterator[None]:
        """Give the number these fields; restore them afterwards."""
        path = f"/phone-number/{self.phone_number_id(provider)}"
        before = self._api("GET", path, quiet=True)
        self._api("PATCH", path, dict(fields))
        try:
            yield
        finally:
            kept = {name: before.get(name) for name in fields}
            self._api("PATCH", path, kept, quiet=True)

    def call_of(self, ref: str) -> str:
        """The id of the call of a leg. Raises ``SimulatorError``."""
        found = self._api("GET", f"/call?phoneCallProviderId={ref}", quiet=True)
        if not found:
            raise SimulatorError(f"the bridge has no call of leg {ref}")
        return str(found[0]["id"])

    def kinds_of(self, call_id: str) -> set[str]:
        """The kinds of the events that the bridge has of a call."""
        return {each["kind"] for each in self._api("GET", f"/call/{call_id}/events", quiet=True)}

    def destination(self) -> dict[str, str]:
        return {"type": "number", "number": self._config.destination}

    def phone_number_id(self, provider: str) -> str:
        wanted = digits(self._config.number)
        for number in self._api("GET", "/phone-number", quiet=True):
            if number.get("provider") == provider and digits(number.get("number")) == wanted:
                return str(number["id"])
        raise SimulatorError(f"the bridge has no {provider} phone number {self._config.number}")

    def assistant_id(self, wanted: JsonObject = ECHO) -> str:
        """The configured assistant, or the one of this name, which is created if it is missing."""
        if self._config.assistant_id:
            return self._config.assistant_id
        known = self._api("GET", "/assistant", quiet=True)
        found = [each["id"] for each in known if each.get("name") == wanted["name"]]
        return str(found[0] if found else self._api("POST", "/assistant", wanted)["id"])

    def await_outcome(self, call_id: str, *wanted: Outcome) -> JsonDict:
        """Wait until the call is as wanted, or has ended otherwise, or the time is up.

        Returns the call as it was last.
        """
        deadline = time.monotonic() + self._config.timeout
        seen: Outcome | None = None
        while True:
            call = self.call(call_id)
            if outcome(call) != seen:
                seen = outcome(call)
                self._timeline.add("bridge", f"call is {words(seen)}")
            if seen in wanted or time.monotonic() > deadline or self._is_settled(call):
                return call
            time.sleep(POLL_SECONDS)

    def _is_settled(self, call: JsonObject) -> bool:
        """Whether the end of the call is final: its reason does not become more specific."""
        if call.get("status") != "ended":
            return False
        events = self._api("GET", f"/call/{call['id']}/events", quiet=True)
        return any(each.get("kind") == "call.settled" for each in events or ())

    def await_price(self, call_id: str, leg_ref: str) -> dict[str, str]:
        """Wait for the carrier's price of this leg: ``{"amount", "currency", "leg"}``."""
        deadline = time.monotonic() + max(self._config.timeout, PRICE_WAIT_SECONDS)
        while time.monotonic() < deadline:
            call = self.call(call_id)
            for told in (item.get("told", {}) for item in call.get("costs", ())):
                if told.get("leg") == leg_ref:
                    price = f"{told['amount']} {told['currency']}"
                    self._timeline.add("bridge", f"leg costs {price}, call {call['cost']} USD")
                    return dict(told)
            time.sleep(POLL_SECONDS)
        raise SimulatorError(
            "the bridge knows no price of the call: it asks for one after PRICE_SECONDS and ten times"
            " that, which must be less than a second here"
        )

    def await_upstream(self, call_id: str) -> Outcome:
        """Wait until the call at the bridge's upstream is over. Raises ``SimulatorError``."""
        shown = self.call(call_id).get("artifact", {}).get("upstream", {})
        if not shown.get("id"):
            raise SimulatorError("the call shows no call at an upstream")
        deadline = time.monotonic() + self._config.timeout
        while True:
            theirs = self._api("GET", f"/call/{shown['id']}", quiet=True, upstream=True)
            if theirs.get("status") == "ended" or time.monotonic() > deadline:
                self._timeline.add("upstream", f"call is {words(outcome(theirs))}")
                return outcome(theirs)
            time.sleep(POLL_SECONDS)

    def _api(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        basic: bool = False,
        quiet: bool = False,
        upstream: bool = False,
    ) -> Any:
        config = self._config
        key = config.upstream_key if upstream else config.api_key
        token = base64.b64encode(f"flow:{key}".encode()).decode()
        headers = JSON | {"Authorization": f"Basic {token}" if basic else f"Bearer {key}"}
        data = b"" if body is None else json.dumps(body).encode()
        url = f"{config.upstream_url if upstream else config.bridge_url}{path}"
        response = self._wire.send("owner -> bridge", method, url, headers, data, quiet=quiet)
        if not 200 <= response.status < 300:
            answer = response.fault or f"{response.status} {response.text[:300]}"
            raise SimulatorError(f"{method} {url}: {answer}")
        return response.json() if response.body else None


def digits(number: object) -> str:
    """A number without ``+`` and punctuation."""
    return "".join(each for each in str(number or "") if each.isdigit())


def outcome(call: JsonObject) -> Outcome:
    return call.get("status"), call.get("endedReason")


def words(state: Outcome) -> str:
    return ", ".join(each for each in state if each) or "unknown"
