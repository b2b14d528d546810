"""A small store that speaks S3 on a real socket, and lets in only who signs requests for its key."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

ACCESS_KEY, SECRET_KEY = "the-access-key", "canary-s3-secret-key"
REGION = "eu-test-1"
SIGNED = re.compile(
    rf"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/\d{{8}}/{REGION}/s3/aws4_request, "
    r"SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}"
)
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20240504/{REGION}/s3/aws4_request, "
    f"SignedHeaders=host, Signature={'0' * 64}"
)
"""Of the form that is let in: the signature itself is not checked."""

NO_SUCH_KEY = b"<Error><Code>NoSuchKey</Code><Message>no</Message></Error>"
ETAG = '"0123456789abcdef0123456789abcdef"'
UPLOAD = (
    b"<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId>"
    b"</InitiateMultipartUploadResult>"
)
COMPLETED = (
    b"<CompleteMultipartUploadResult><Location>l</Location><Bucket>b</Bucket><Key>k</Key>"
    b"<ETag>e</ETag></CompleteMultipartUploadResult>"
)
NO_SUCH_BUCKET = b"<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>"
DENIED = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"


class Store:
    """``objects``: path -> (content type, bytes). ``parts``: of large ones, not complete yet.

    ``down``: it answers 503 to everything; ``refused``: to a path with this in it.
    ``missing``: there is no such bucket. ``hangs_up``: it closes the connection without an answer.
    """

    def __init__(self) -> None:
        self.url = ""
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.types: dict[str, str] = {}
        self.asked: list[str] = []
        self.down = self.missing = self.hangs_up = False
        self.refused: str | None = None


@contextmanager
def s3() -> Iterator[Store]:
    """Until the end of the block."""
    store = Store()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            store.asked.append(f"{self.command} {self.path}")
            if store.hangs_up:
                self.close_connection = True
                return None
            if store.down or (store.refused and store.refused in self.path):
                return self.reply(503, b"<Error><Code>SlowDown</Code></Error>")
            if not SIGNED.fullmatch(self.headers.get("Authorization", "")):
                return self.reply(403, DENIED)
            if store.missing:
                return self.reply(404, NO_SUCH_BUCKET)
            path, _, query = self.path.partition("?")
            if query:
                return self.upload(path, parse_qs(query, keep_blank_values=True), body)
            if self.command == "PUT":
                store.objects[self.path] = (self.headers.get("Content-Type", ""), body)
                return self.reply(200, b"")
            if self.command == "DELETE":
                store.objects.pop(self.path, None)
                return self.reply(204, b"")
            if self.path not in store.objects:
                return self.reply(404, NO_SUCH_KEY)
            return self.found(*store.objects[self.path])

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve  # noqa: N815

        def upload(self, path: str, query: dict[str, list[str]], body: bytes) -> None:
            """A large file in parts: begun, each part, then all of them or none.

            https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
            """
            if "uploads" in query:
                store.parts[path] = {}
                store.types[path] = self.headers.get("Content-Type", "")
                return self.reply(200, UPLOAD)
            if self.command == "PUT":
                store.parts.get(path, {})[int(query["partNumber"][0])] = body
                return self.reply(200, b"")
            parts = store.parts.pop(path)
            if self.command == "POST":
                whole = b"".join(parts[number] for number in sorted(parts))
                store.objects[path] = (store.types.pop(path), whole)
                return self.reply(200, COMPLETED)
            return self.reply(204, b"")

        def found(self, kind: str, data: bytes) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            status = 206 if asked else 200
            where = None
            if asked:
                first, size = int(asked[1]), len(data)
                if first >= size:
                    return self.reply(416, b"<Error><Code>InvalidRange</Code></Error>")
                data = data[first : int(asked[2]) + 1 if asked[2] else None]
                where = f"bytes {first}-{first + len(data) - 1}/{size}"
            return self.reply(status, data, kind, where)

        def reply(
            self, status: int, data: bytes, kind: str = "application/xml", where: str | None = None
        ) -> None:
            self.send_response(status)
            if where:
                self.send_header("Content-Range", where)
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.send_header("Content-Type", kind)
            self.send_header("ETag", ETAG)
            self.send_header("Last-Modified", "Mon, 23 Nov 2026 06:00:00 GMT")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    store.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
