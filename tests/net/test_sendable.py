"""What entry accepts, every sender sends: headers as they are, and URLs to their server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import HealthCheck, assume, example, given
from hypothesis import strategies as st
from websockets.exceptions import WebSocketException

from app.net.addresses import BadURL, allowed, check_url
from app.net.headers import FRAMING, header_problem, value_problem
from app.net.http import post
from app.net.httpx_client import make_client
from app.net.websocket import checked_headers, open_socket
from tests.net.contract import HERE
from tests.net.wire import Wire, http_answer, served
from tests.properties import examples

ENOUGH = examples(60, suppress_health_check=[HealthCheck.filter_too_much])
RULE = partial(allowed, allow_private=True, resolver=HERE)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with served(lambda conn, _: conn.sendall(http_answer(b"", "403 Forbidden"))) as running:
        yield running


async def send(url: str, headers: Mapping[str, str]) -> None:
    """By each client of ``app.net``. The websocket's is refused with 403."""
    post(url, b"{}", headers, 30.0, True, resolver=HERE)
    async with make_client(30.0, RULE, retries=False) as client:
        await client.post(url, content=b"{}", headers=headers)
    with suppress(WebSocketException):
        await open_socket(
            re.sub("^http", "ws", url),
            RULE,
            headers=checked_headers(headers, "headers"),
            seconds=30.0,
            close_seconds=1.0,
            max_message=1000,
        )


VISIBLE = "".join(map(chr, range(33, 127)))
NAMES = st.text(st.sampled_from("Xx-_.~!#$%&'*+^`|09Z"), max_size=8) | st.text(max_size=3)
VALUES = st.text(st.sampled_from(VISIBLE + " \t"), max_size=12) | st.text(max_size=3)


@ENOUGH
@given(NAMES, VALUES)
@example("X", "")
@example("X-A", "a  b")
@example("x", "~ !")
def test_a_header_that_is_accepted_is_sent(wire: Wire, name: str, value: str) -> None:
    assume(header_problem(name, value) is None and name.lower() not in FRAMING)
    before = len(wire.asked)
    asyncio.run(send(f"http://127.0.0.1:{wire.port}/", {f"X-{name}": value}))
    came = [asked.head for asked in wire.asked[before:]]
    number = len(came)
    assert number == 3
    line = re.compile(rf"(?im)^x-{re.escape(name)}: *{re.escape(value)}\r$".encode())
    assert all(line.search(head) for head in came)


@pytest.mark.parametrize(
    "value", ["café", "a\nb", "a\r\nX: y", "\0", " a", "a ", "\ta", "\x7f", "ключ", 7, None, []]
)
def test_a_value_that_cannot_be_sent(value: object) -> None:
    assert value_problem(value)


@pytest.mark.parametrize("name", ["", "X Y", "X:", "é", "X\n", "(X)", "X\t", "X/Y"])
def test_a_name_that_cannot_be_sent(name: str) -> None:
    assert header_problem(name, "value")


PATHS = st.builds(str.__add__, st.sampled_from("/?#"), st.text(st.sampled_from(VISIBLE)))


HOSTS = st.sampled_from(
    [
        *("a.example", "A.example.", "xn--strae-oqa.example", "a_b", "127.0.0.1", "127.0.0.1."),
        *("127.1", "0177.0.0.1", "0x7f.1", "2130706433", "1.2.3.4.5", "256.1.1.1", "a-.example"),
    ]
)


@ENOUGH
@given(HOSTS, PATHS)
@example("0177.0.0.1", "/")
@example("1.2.3.4.5", "/")
@example("256.1.1.1", "/")
@example("a-.example", "/")
@example("a.example", "")
@example("a.example", "?x=[1]&y={a}#fragment")
@example("a.example", "//b.example/%zz%2F..;/../")
@example("a.example", '/|^`"<>')
def test_a_url_that_is_accepted_is_called(wire: Wire, host: str, path: str) -> None:
    url = f"http://{host}:{wire.port}{path}"
    try:
        found = check_url(url, allow_private=True)
    except BadURL:
        return
    if (found.host.lower(), found.port) != (host.lower(), wire.port):
        return  # the path has changed the host
    before = len(wire.asked)
    asyncio.run(send(url, {}))
    came = len(wire.asked) - before
    assert came == 3
