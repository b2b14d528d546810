"""Web calls in a real browser, whose fake microphone beeps; the assistant is an echo."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.bridge import Bridge
from tests.e2e.test_web_calls import web_call
from tests.fakes.client_server import Receiver, Reply
from tests.webdriver import Page, browsing

pytestmark = pytest.mark.any_store  # the subject: a browser

SITE = b"""<!doctype html><title>A site</title><script src="%s/static/patchbay.js"></script>"""
CONVERSATION = """
const [webCallUrl, done] = arguments;
const told = [];
const call = new Patchbay();
for (const event of ["call-start", "speech-start", "volume-level", "call-end", "error"]) {
  call.on(event, (data) => told.at(-1) === event || told.push(event));
}
call.once("speech-start", () => {
  call.setMuted(true);
  call.send({ type: "control", control: "mute-assistant" });
  told.push(call.isMuted());
  call.stop();
});
call.on("call-end", () => done(told));
call.start({ webCallUrl }).catch((error) => done([error.message]));
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page | None]:
    with browsing() as found:
        yield found


def test_a_person_talks_by_the_page_of_the_call(bridge: Bridge, page: Page | None) -> None:
    if page is None:
        return
    call = web_call(bridge)
    page.open(call["webCallUrl"])
    page.allow_microphone(True)
    page.click("#start")
    page.until("document.querySelector('#volume').value > 0.01")  # the echo is heard
    assert bridge.call(call["id"])["status"] == "in-progress"
    page.click("#stop")
    page.until("document.body.dataset.state === 'over'")
    assert bridge.until(call["id"], "ended")["endedReason"] == "customer-ended-call"


def test_a_refused_microphone(bridge: Bridge, page: Page | None) -> None:
    if page is None:
        return
    call = web_call(bridge)
    page.open(call["webCallUrl"])
    page.allow_microphone(False)
    page.click("#start")
    page.until("document.body.dataset.state === 'over'")
    over = bridge.until(call["id"], "ended")
    assert over["endedReason"] == "customer-did-not-give-microphone-permission"


def test_a_page_that_is_left_ends_its_call(bridge: Bridge, page: Page | None) -> None:
    if page is None:
        return
    call = web_call(bridge)
    page.open(call["webCallUrl"])
    page.allow_microphone(True)
    page.click("#start")
    page.until("document.body.dataset.state === 'live'")
    page.open("about:blank")
    assert bridge.until(call["id"], "ended")["endedReason"] == "customer-ended-call"


def test_the_client_on_another_site(bridge: Bridge, page: Page | None) -> None:
    """The script, the worklet and the requests come from a host that is not the page's."""
    if page is None:
        return
    site = Reply(headers={"Content-Type": "text/html"}, body=SITE % bridge.url.encode())
    with Receiver(reply=site) as other:
        page.open(other.url)
        page.allow_microphone(True)
        call = web_call(bridge)
        told = page.run(CONVERSATION, call["webCallUrl"])
    assert told[0] == "call-start"
    assert told[-3:] == ["speech-start", True, "call-end"]
    assert bridge.until(call["id"], "ended")["endedReason"] == "customer-ended-call"


def test_the_page_loads_nothing_else(bridge: Bridge) -> None:
    answer = bridge.http.request("GET", f"{bridge.url}/web/{uuid.uuid4()}")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert b"://" not in answer.data
    for script in ("patchbay.js", "patchbay-audio.js"):
        served = bridge.http.request("GET", f"{bridge.url}/static/{script}")
        assert served.headers["Access-Control-Allow-Origin"] == "*"
        assert b"https://" not in served.data
