"""A supervisor on the page of a live call: takes it over by the browser's microphone, and gives it back."""

from __future__ import annotations

from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from app.domain.calls import web_calls
from bench.dashboard import ORG
from tests.browser.chromium import DESK, Tab
from tests.browser.conftest import Site

MENU = {
    "transport": {"provider": "local"},
    "voice": {"provider": "embedded"},
    "model": {"provider": "embedded", "menu": {"1": {"say": "One."}}},
    "transcriber": {"provider": "none"},
    "firstMessageMode": "assistant-waits-for-user",
}
STATE = "document.querySelector('[data-supervise-state]').textContent"

WATCHED = """
window.sockets = [];
window.mayAsk = Promise.resolve();
const ask = window.fetch;
window.fetch = async (...given) => { await window.mayAsk; return ask(...given); };
window.WebSocket = class extends WebSocket {
  constructor(url) { super(url); window.sockets.push(this); }
};
"""


def supervisor(site: Site, call_id: str) -> ClientConnection:
    """Another supervisor's socket, once the server has seen the last one close."""
    while True:
        made = urlsplit(site.services.calls.supervise(ORG, call_id, None)["websocketUrl"])
        url = site.url.replace("http", "ws", 1) + f"{made.path}?{made.query}"
        socket = connect(url, proxy=None)
        try:
            socket.recv()
        except ConnectionClosedError:
            continue
        return socket


def test_a_call_is_taken_over_and_given_back(
    site: Site, tab: Tab, browser: ClientConnection
) -> None:
    call = site.services.calls.create(ORG, {"type": web_calls.WEB_CALL, "assistant": MENU})
    caller = Tab(browser, DESK)
    caller.go(f"{site.url}{urlsplit(call['webCallUrl']).path}")
    caller.run("document.querySelector('#start').click()")
    caller.until("document.body.dataset.state === 'live'")
    tab.show_on(DESK)
    tab.go(f"{site.url}/dashboard/calls/{call['id']}")
    tab.faults.clear()
    tab.run(WATCHED)
    tab.run("document.querySelector('[data-take]').click()")
    tab.until(f"{STATE}.startsWith('You have the call')")
    assert tab.run("document.querySelector('[data-take]').textContent") == "Give back"
    caller.until("document.querySelector('#volume').value > 0.01")  # the supervisor's beeps
    tab.run("document.querySelector('[data-take]').click()")
    tab.until(f"{STATE}.startsWith('You speak beside')")
    tab.run("window.mayAsk = new Promise((done) => { window.letAsk = done; }); 0")
    tab.run("window.sockets[0].close(4000)")  # its connection is lost, as far as the page can tell
    tab.until("window.sockets[0].readyState === WebSocket.CLOSED")
    with supervisor(site, call["id"]):  # and the server has not noticed
        tab.run("window.letAsk()")
        tab.until("window.sockets.length === 3")
    tab.until(f"{STATE}.startsWith('You speak beside')")
    tab.run("document.querySelector('[data-speak]').click()")
    tab.until(f"{STATE} === 'You do not speak any more.'")
    caller.run("document.querySelector('#stop').click()")
    tab.until("document.body.textContent.includes('customer-ended-call')")
    assert tab.faults == []
    kinds = [each["kind"] for each in site.services.calls.events(ORG, call["id"])]
    assert [each for each in kinds if each.startswith("supervisor")] == [
        "supervisor.took-over",
        "supervisor.gave-back",
    ]
