"""What a plain Flask application does: the floors of ``bench.compare``, under gunicorn's threads.

Nothing of the bridge is in it. Twilio's own library verifies and writes, as its documentation shows.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading

from flask import Flask, Response, request
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.twiml.voice_response import Connect, VoiceResponse  # type: ignore[import-untyped]

app = Flask(__name__)
_local = threading.local()


@app.route("/constant", methods=["POST"])
def constant() -> Response:
    return Response("<Response><Hangup/></Response>", content_type="text/xml")


@app.route("/twiml", methods=["POST"])
def twiml() -> Response:
    """Read a webhook's form, verify its signature, write a document."""
    validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])
    signature = request.headers.get("X-Twilio-Signature", "")
    url = os.environ["FLOOR_URL"] + request.full_path.rstrip("?")
    if not validator.validate(url, request.form.to_dict(), signature):
        return Response(status=403)
    document, connect = VoiceResponse(), Connect()
    connect.stream(url="wss://example.com/media")
    document.append(connect)
    return Response(str(document), content_type="text/xml")


@app.route("/call", methods=["POST"])
def call() -> Response:
    """Store one row durably, and answer with a document."""
    body = request.get_json()
    database = _database()
    database.execute("INSERT INTO calls (body) VALUES (?)", (json.dumps(body),))
    database.commit()
    return Response(json.dumps({"twiml": "<Response/>", **body}), content_type="application/json")


def _database() -> sqlite3.Connection:
    if not hasattr(_local, "database"):
        _local.database = sqlite3.connect(os.environ["FLOOR_DATABASE"], timeout=30)
        _local.database.execute("PRAGMA journal_mode=WAL")
        _local.database.execute("CREATE TABLE IF NOT EXISTS calls (body TEXT)")
    found: sqlite3.Connection = _local.database
    return found
