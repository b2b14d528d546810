"""The WSGI bridge, under the server that runs it in production."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from flask import Flask, Response, request
from werkzeug.wsgi import wrap_file

from app import deadline
from app.jobs.foreground import Foreground
from app.server.admission import LONGEST_WAIT
from app.server.environ import environ_of
from app.server.wsgi_bridge import (
    CLIENT_SECONDS,
    FIRST_SECONDS,
    OVERLOADED,
    THREADS,
    TOO_LATE,
    Bridge,
    Paths,
    Reply,
)
from tests.clock import idle, on_loop
from tests.media.server import listening

BLOCK, LONG = 64 * 1024, 50 * 1024 * 1024


class Endless:
    """A file larger than anybody should hold in memory; it counts what is read of it."""

    def __init__(self) -> None:
        self.given = 0
        self.closed = threading.Event()

    def read(self, size: int) -> bytes:
        data = b"x" * min(size, LONG - self.given)
        self.given += len(data)
        return data

    def close(self) -> None:
        self.closed.set()


class Stuck:
    """A file of a store that hangs, until it is let go."""

    release = threading.Event()

    def read(self, size: int) -> bytes:
        self.release.wait()
        return b""

    def close(self) -> None:
        pass


FILES: list[Endless] = []


def application() -> Flask:
    app = Flask("tests")

    @app.route("/seen/<path:rest>", methods=["GET", "POST"])
    def seen(rest: str) -> dict[str, Any]:
        return {
            "path": request.path,
            "target": request.environ["patchbay.raw_target"],
            "headers": request.environ["patchbay.headers"],
            "accept": request.headers.get("Accept"),
            "x_tags": request.headers.get("X-Tags"),
            "length": request.content_length,
            "body": request.get_data(as_text=True),
            "cookies": request.cookies,
        }

    @app.route("/file")
    def file() -> Response:
        sound = Endless()
        FILES.append(sound)
        headers = {"Content-Length": str(LONG)}
        body = wrap_file(request.environ, sound, BLOCK)
        return Response(body, headers=headers, direct_passthrough=True)

    @app.route("/stuck")
    def stuck() -> Response:
        return Response(wrap_file(request.environ, Stuck(), BLOCK), direct_passthrough=True)

    @app.route("/empty", methods=["POST"])
    def empty() -> tuple[str, int]:
        return "", 204

    return app


@asynccontextmanager
async def bridged(app: Any, **options: Any):
    bridge = Bridge(app, **options)
    async with listening(bridge, lifespan="off") as (_, address):
        yield address
    bridge.close()


async def ask(address: str, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """One request, bytes as given; the answer's status, headers and body."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw)
    answer = await read_answer(reader)
    writer.close()
    return answer


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers, body


def get(target: str, *headers: str, method: str = "GET", body: str = "") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers]
    return ("\r\n".join([*lines, "", body])).encode("latin-1")


@pytest.mark.parametrize(
    "target",
    [
        "/seen/plain",
        "/seen/a%20b?x=1&x=2",  # an escaped blank stays escaped
        "/seen/a%2Fb?sig=a%2Bb+c",  # an escaped slash is not a slash in the raw target
        "/seen/%C3%A9?%C3%A9",  # UTF-8
        "/seen/%FF",  # not UTF-8
        "/seen/a;b,c=d?e=f=g?h",  # reserved characters as they are
    ],
)
@on_loop
async def test_raw_target_is_what_was_on_the_wire(target: str) -> None:
    async with bridged(application()) as address:
        status, _, body = await ask(address, get(target))
    assert status == 200
    assert json.loads(body)["target"] == target


@on_loop
async def test_repeated_headers_are_kept_in_order() -> None:
    lines = ("X-Tags: one", "Accept: a/b", "x-tags: two", "Cookie: a=1", "Cookie: b=2")
    async with bridged(application()) as address:
        _, _, body = await ask(address, get("/seen/x", *lines))
    seen = json.loads(body)
    assert [value for name, value in seen["headers"] if name == "x-tags"] == ["one", "two"]
    assert seen["x_tags"] == "one,two"
    assert seen["cookies"] == {"a": "1", "b": "2"}


@on_loop
async def test_header_with_underscore_cannot_pose_as_another() -> None:
    async with bridged(application()) as address:
        _, _, body = await ask(address, get("/seen/x", "x_tags: forged"))
    assert json.loads(body)["x_tags"] is None


@on_loop
async def test_chunked_body_arrives_whole() -> None:
    raw = (
        b"POST /seen/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    )
    async with bridged(application()) as address:
        _, _, body = await ask(address, raw)
    seen = json.loads(body)
    assert (seen["body"], seen["length"]) == ("abcdefg", 7)


@pytest.mark.parametrize(
    ("size", "status"),
    [
        (1000, 200),  # exactly the cap
        (1001, 413),  # one over it, and declared
    ],
)
@on_loop
async def test_declared_size_is_capped(size: int, status: int) -> None:
    async with bridged(application(), max_body=1000) as address:
        answer = await ask(address, get("/seen/x", method="POST", body="x" * size))
    assert answer[0] == status
    if status == 413:
        expected = {"message": "The body is over 1000 bytes", "error": "Payload Too Large"}
        assert json.loads(answer[2]) == {**expected, "statusCode": 413}


@on_loop
async def test_undeclared_size_is_capped() -> None:
    head = b"POST /seen/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    async with bridged(application(), max_body=1000) as address:
        status, _, _ = await ask(address, head + chunk)
    assert status == 413


@on_loop
async def test_slow_body_blocks_nobody() -> None:
    """One thread, and more half-sent bodies than that."""
    async with bridged(application(), threads=1) as address:
        host, port = address.split(":")
        slow = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
        whole = get("/seen/x", method="POST", body="12345")
        for _, writer in slow:
            writer.write(whole[:-3])
            await writer.drain()
        assert (await ask(address, get("/seen/fast")))[0] == 200
        for reader, writer in slow:
            writer.write(whole[-3:])
            _, _, body = await read_answer(reader)
            assert json.loads(body)["body"] == "12345"
            writer.close()


@on_loop
async def test_body_that_never_ends_is_given_up() -> None:
    async with bridged(application(), body_seconds=0.05) as address:
        status, _, body = await ask(address, get("/seen/x", method="POST", body="12345")[:-1])
    assert (status, json.loads(body)["error"]) == (408, "Request Timeout")


@on_loop
async def test_client_that_leaves_early_is_no_request() -> None:
    app, called = application(), list[str]()
    app.before_request(lambda: called.append(request.path))
    async with bridged(app) as address:
        host, port = address.split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(get("/seen/left", method="POST", body="12345")[:-1])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await ask(address, get("/seen/stays")))[0] == 200
    assert called == ["/seen/stays"]


def broken_at_once(environ: Any, start: Any) -> list[bytes]:
    raise RuntimeError("secret")


def broken_after_start(environ: Any, start: Any) -> Iterator[bytes]:
    start("200 OK", [("content-length", "9")])
    yield b"half"
    raise RuntimeError("secret")


def never_started(environ: Any, start: Any) -> list[bytes]:
    return [b"no status"]


@pytest.mark.parametrize("app", [broken_at_once, broken_after_start, never_started])
@on_loop
async def test_exception_is_a_500_in_json(app: Any) -> None:
    async with bridged(app) as address:
        status, headers, body = await ask(address, get("/"))
        assert (status, headers["content-type"]) == (500, "application/json")
        assert json.loads(body) == {
            "message": "Internal server error",
            "error": "Internal Server Error",
            "statusCode": 500,
        }
        assert (await ask(address, get("/")))[0] == 500  # and the next one is served


@on_loop
async def test_head_has_the_length_and_no_body() -> None:
    async with bridged(application()) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(get("/seen/x", "connection: close", method="HEAD"))
        answer = (await reader.read()).decode()
        writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    assert body == ""
    assert int(head.lower().split("content-length: ")[1].split("\r\n")[0]) > 100


@on_loop
async def test_no_content_has_neither() -> None:
    async with bridged(application()) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(get("/empty", "connection: close", method="POST"))
        answer = (await reader.read()).decode().lower()
        writer.close()
    assert answer.startswith("http/1.1 204")
    assert "content-length" not in answer
    assert "transfer-encoding" not in answer
    assert answer.endswith("\r\n\r\n")


@on_loop
async def test_answers_keep_repeated_headers_and_name_no_server() -> None:
    app = Flask("tests")

    @app.get("/")
    def cookies() -> Response:
        answer = Response("x")
        answer.set_cookie("a", "1")
        answer.set_cookie("b", "2")
        return answer

    async with bridged(app) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(get("/", "connection: close"))
        answer = (await reader.read()).decode().lower()
        writer.close()
    assert answer.count("set-cookie: ") == 2
    assert "server: " not in answer


def test_written_and_returned_parts_are_one_body() -> None:
    def app(environ: Any, start: Any) -> list[bytes]:
        write = start("200 OK", [])
        write(b"one ")
        return [b"two"]

    scope = {"method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
    bridge = Bridge(app)
    reply = bridge._call(environ_of({**scope, "http_version": "1.1"}, b""))
    assert reply.body == b"one two"
    bridge.close()


# ------------------------------------------------------------------ more requests than threads


class Blocked:
    """An application with one thread, which its first request holds until ``free``."""

    def __init__(self) -> None:
        self.seen = list[str]()
        self.refused = 0
        self.entered, self.free = threading.Event(), threading.Event()
        paths = Paths(at_once=frozenset({"/alive"}), first=frozenset({"carrier"}))
        self.foreground = Foreground()
        self.why: Reply | None = None
        self.bridge = Bridge(
            self._serve,
            paths=paths,
            while_busy={"/carrier/probe": lambda: self.why},
            refused=self._count,
            foreground=self.foreground,
            threads=1,
        )

    def ask(self, path: str) -> asyncio.Task[tuple[int, dict[bytes, bytes], Any]]:
        """In line as soon as the loop has run once."""
        return asyncio.create_task(self._ask(path))

    async def _ask(self, path: str) -> tuple[int, dict[bytes, bytes], Any]:
        sent = list[Any]()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": path}
        await self.bridge({**scope, "query_string": b"", "headers": []}, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]

    def _serve(self, environ: Any, start: Any) -> list[bytes]:
        self.seen.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/blocks":
            self.entered.set()
            with idle():
                self.free.wait()
        start("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    def _count(self) -> None:
        self.refused += 1

    def is_busy(self) -> bool:
        return self.foreground._requests > 0


@on_loop
async def test_a_request_without_a_thread_takes_no_later_ones_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = Blocked()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        refused = [await app.ask("/carrier/1") for _ in range(3)]
    assert [status for status, _, _ in refused] == [503] * 3
    assert refused[0][1][b"retry-after"] == b"1"
    assert (await app.ask("/carrier/2"))[0] == (await app.ask("/client"))[0] == 200
    assert (app.refused, app.is_busy()) == (3, False)
    app.bridge.close()


@asynccontextmanager
async def blocked():
    app = Blocked()
    blocking = app.ask("/blocks")
    await asyncio.to_thread(app.entered.wait)
    try:
        yield app
    finally:
        app.free.set()
        await blocking
        await asyncio.to_thread(app.bridge.close)


@on_loop
async def test_carriers_are_served_before_clients() -> None:
    async with blocked() as app:
        waiting = [app.ask(path) for path in ("/client/1", "/client/2", "/carrier/1")]
        await asyncio.sleep(0)  # all are in line
        app.free.set()
        assert [(await each)[0] for each in waiting] == [200, 200, 200]
    assert app.seen == ["/blocks", "/carrier/1", "/client/1", "/client/2"]
    assert app.refused == 0


@on_loop
async def test_a_client_that_waits_too_long_is_told_to_come_again() -> None:
    async with blocked() as app:
        carrier = app.ask("/carrier/1")
        status, headers, body = await app.ask("/client/1")
        assert (status, headers[b"retry-after"]) == (503, b"1")
        assert json.loads(body) == {
            "message": "Too many requests are waiting: try again",
            "error": "Service Unavailable",
            "statusCode": 503,
        }
        assert app.refused == 1
        app.free.set()
        assert (await carrier)[0] == 200
    assert app.seen == ["/blocks", "/carrier/1"]


@on_loop
async def test_a_probe_is_answered_while_all_threads_are_taken() -> None:
    async with blocked() as app:
        assert (await app.ask("/alive"))[2] == b"/alive"
        assert not app.free.is_set()


@on_loop
async def test_what_needs_no_thread_is_answered_while_none_is_free() -> None:
    """If anything is known by then; otherwise it waits, and is told what has come out since."""
    async with blocked() as app:
        waiting = app.ask("/carrier/probe")
        await asyncio.sleep(0)
        app.why = Reply(503, [], b"frozen")
        assert (await app.ask("/carrier/probe"))[2] == b"frozen"
        assert not waiting.done()
        assert (await waiting)[2] == b"frozen"
        assert not app.free.is_set()
        app.free.set()
        await app.ask("/carrier/1")
        assert (await app.ask("/carrier/probe"))[2] == b"/carrier/probe"  # a thread is free


@on_loop
async def test_background_work_gives_way_until_all_are_answered() -> None:
    async with blocked() as app:
        assert app.is_busy()
        refused = await app.ask("/client/1")
        assert refused[0] == 503
        assert app.is_busy()
        carrier = app.ask("/carrier/1")
        app.free.set()
        await carrier
    assert not app.is_busy()
    await app.ask("/alive")
    assert not app.is_busy()


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/carrier/status", True),
        ("/carrier", True),
        ("/carriers/status", False),
        ("/x/carrier", False),
        ("/", False),
    ],
)
def test_the_first_segment_says_who_goes_first(path: str, first: bool) -> None:
    assert Paths(first=frozenset({"carrier"})).is_first(path) is first


# ------------------------------------------------------------------ files


@on_loop
async def test_a_file_is_sent_whole() -> None:
    async with bridged(application()) as address:
        _, headers, body = await ask(address, get("/file"))
    assert headers["content-length"] == str(LONG) == str(len(body))
    assert FILES.pop().closed.is_set()


@on_loop
async def test_a_reader_who_is_slow_and_goes_costs_little() -> None:
    """No more is read than the sockets take, and nothing once the client has gone."""
    async with bridged(application()) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=BLOCK)
        writer.write(get("/file"))
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        file = FILES.pop()
        assert await asyncio.to_thread(file.closed.wait, 20)
    assert file.given < LONG


@on_loop
async def test_files_that_hang_hold_nothing_else_up() -> None:
    async with bridged(application()) as address:
        host, port = address.split(":")
        writers = list[asyncio.StreamWriter]()
        try:
            for _ in range(2 * THREADS):
                reader, writer = await asyncio.open_connection(host, int(port))
                writers.append(writer)
                writer.write(get("/stuck"))
                await reader.readuntil(b"\r\n\r\n")
            status, _, _ = await ask(address, get("/seen/it"))
        finally:
            Stuck.release.set()
            for writer in writers:
                writer.close()
    assert status == 200


@on_loop
async def test_of_a_file_head_sends_the_length_alone() -> None:
    async with bridged(application()) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(get("/file", "connection: close", method="HEAD"))
        answer = await reader.read()
        writer.close()
    assert f"content-length: {LONG}".encode() in answer
    assert answer.endswith(b"\r\n\r\n")
    FILES.clear()


@on_loop
async def test_a_request_is_answered_in_time_whatever_its_thread_waits_for() -> None:
    """The thread is not given to another request meanwhile, and is used again afterwards."""
    free, waits = threading.Event(), list[float]()

    def app(environ: Any, start: Any) -> list[bytes]:
        waits.append(deadline.store_until() - time.monotonic())
        if environ["PATH_INFO"] != "/short":
            with idle():
                free.wait()
        start("200 OK", [])
        return [b"done"]

    async with bridged(app, threads=1, paths=Paths(first=frozenset({"first"}))) as address:
        loop = asyncio.get_running_loop()
        for target, seconds, sentence in (
            ("/first", FIRST_SECONDS, TOO_LATE),
            ("/short", LONGEST_WAIT, OVERLOADED),
        ):
            began = loop.time()
            status, headers, body = await ask(address, get(target))
            assert (status, headers["retry-after"]) == (503, "1")
            assert json.loads(body)["message"] == sentence
            assert loop.time() - began == pytest.approx(seconds, abs=0.5)
        free.set()
        assert (await ask(address, get("/short")))[0] == 200
    assert waits[0] == pytest.approx(FIRST_SECONDS - deadline.MARGIN_SECONDS, abs=0.5)
    assert waits[1] == pytest.approx(CLIENT_SECONDS - deadline.MARGIN_SECONDS, abs=0.5)
