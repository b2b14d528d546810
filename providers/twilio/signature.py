"""Verifies X-Twilio-Signature: the request is Twilio's, for this account, and complete.

The SDK's validator is not used: it accepts an empty token, any port, and parameters cut anew,
which ``cut.py`` refuses. No clock is read, because a Twilio signature never expires. A replay has no
effect, because its event has the same key: it is made of ``signed_text``.
https://www.twilio.com/docs/usage/security#validating-requests
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from operator import itemgetter
from secrets import token_hex
from urllib.parse import urlencode

from providers.base.rest import Account, SignedProbe
from providers.base.webhook import WebhookRequest
from providers.errors import InvalidSignature, MissingSignature, NoSecret, NotConfigured
from providers.twilio.config import ACCOUNT_SID
from providers.twilio.cut import ANY, REQUIRED, SHAPED, are_plain, check_cut, check_repeated

HEADER = "x-twilio-signature"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

# Twilio signs this in a form, and never in a URL of its own. Without the check a form's signature
# would hold for a GET.
FORM_IN_URL = re.compile(f"AccountSid{ACCOUNT_SID.pattern}")

_FIRST = itemgetter(0)
_URL = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#]*)(:[0-9]*)?([/?][^#]*)?"
)
_MARKS = {"%40": "@", "%3A": ":"}
_ESCAPED_MARK = re.compile("%40|%3A", re.IGNORECASE)
_MARK = re.compile("@|:|%40|%3A", re.IGNORECASE)
_DEFAULT_PORTS = {"https": ":443", "wss": ":443", "http": ":80", "ws": ":80"}


def compute(token: str, url: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """The signature that Twilio sends: base64(HMAC-SHA1(token, URL + sorted names and values)).

    ``url`` loses its fragment and userinfo; its port stays as given. A repeated (name, value)
    counts once, as at Twilio. Raises ``ValueError`` unless the URL is absolute.
    """
    scheme, host, port, rest = _split(url)
    return _sign(token, f"{scheme}://{host}{port}{rest}{_run_together(params)}").decode()


def claimed_account(request: WebhookRequest) -> str | None:
    """The AccountSid the request names, unverified.

    Raises ``MissingSignature``, ``InvalidSignature``.
    """
    if request.header(HEADER) is None:
        raise MissingSignature("no X-Twilio-Signature: not a request of Twilio's")
    pairs = _readable(request)
    named = dict(pairs).get("AccountSid", "")
    alone = list(map(_FIRST, pairs)).count("AccountSid") == 1
    return named if alone and ACCOUNT_SID.fullmatch(named) else None


def verify(request: WebhookRequest, account: Account) -> None:
    """Raise ``Refused`` unless Twilio signed this request with one of the account's auth tokens.

    Twilio appends a GET's parameters to the URL. Of a form it signs each parameter, of JSON the
    hash that it put into the URL.
    """
    if FORM_IN_URL.search(request.url):
        raise InvalidSignature("the URL holds the parameters of a form, run together")
    pairs = _readable(request)
    run_together = _signed_pairs(request, pairs)
    _check(request.header(HEADER), account, _spellings(request.url), run_together)
    _check_shapes(pairs, account)
    if run_together:
        _check_cut(request.url, run_together)


def verify_socket(url: str, headers: Sequence[tuple[str, str]], account: Account) -> None:
    """Raise ``Refused`` unless Twilio signed this handshake: the ``wss://`` URL, no parameters.

    Twilio's page says to try a trailing slash too.
    https://www.twilio.com/docs/voice/media-streams#websocket-security
    """
    if not url.startswith(("wss://", "ws://")):
        raise InvalidSignature("the media URL that is checked must begin with wss://")
    other = url[:-1] if url.endswith("/") else f"{url}/"
    given = [value for name, value in headers if name.lower() == HEADER]
    value = None if not given else given[0] if len(given) == 1 else ""
    _check(value, account, [*_spellings(url), *_spellings(other)], [])


def probe(url: str, account: Account, now: datetime) -> SignedProbe:
    """A signed status of a call that does not exist. Raises ``NotConfigured``."""
    tokens = account.secrets.get("authTokens")
    if not tokens:
        raise NotConfigured(f"Twilio account {account.ref} has no authTokens")
    form = {
        "AccountSid": account.ref,
        "CallSid": f"CA{token_hex(16)}",
        "CallStatus": "ringing",
        "Timestamp": format_datetime(now),
    }
    signed = compute(tokens[0], url, form.items())
    return SignedProbe({"Content-Type": FORM, HEADER: signed}, urlencode(form).encode())


def fields(request: WebhookRequest) -> list[tuple[str, str]]:
    """The carrier's parameters as received, parsed once: the query of a GET, else the body.

    Raises ``ValueError`` when they are not in a form that Twilio sends.
    """
    if "fields" not in request.parsed:
        request.parsed["fields"] = _fields(request)
    pairs: list[tuple[str, str]] = request.parsed["fields"]
    return pairs


def signed_text(request: WebhookRequest) -> str:
    """The text that the signature covers: the URL, then the parameters run together.

    A sender without the token cannot change it. He may change headers, the order and spelling of
    the parameters, and the cut between two of them. Raises ``ValueError`` as ``fields`` does.
    """
    if "signed" not in request.parsed:
        path, mark, query = "".join(_split(request.url)).partition("?")
        if "%" in query:  # one text for all spellings
            query = _plain(query)
        request.parsed["signed"] = path + mark + query + _run_together(fields(request))
    text: str = request.parsed["signed"]
    return text


def _fields(request: WebhookRequest) -> list[tuple[str, str]]:
    if request.method == "GET":
        if request.body:
            raise ValueError("a GET with a body, which no signature covers")
        return decode(request.query)
    if request.method != "POST":
        raise ValueError("neither GET nor POST")
    kind = content_type(request)
    if kind == JSON:
        return _json_members(request.body)
    if kind != FORM and (kind or request.body):
        raise ValueError("a body that is neither a form nor JSON")
    return decode(request.body.decode("ascii"))


def content_type(request: WebhookRequest) -> str:
    """Media type in lower case; ``""`` when absent. Raises ``ValueError`` for another charset."""
    header = request.header("content-type")
    if header == "":
        raise ValueError("an empty or repeated Content-Type")
    kind, _, rest = (header or "").lower().partition(";")
    if rest.strip().replace('"', "") not in ("", "charset=utf-8"):
        raise ValueError("a Content-Type with parameters other than charset=utf-8")
    return kind.strip()


def decode(query: str) -> list[tuple[str, str]]:
    """As ``parse_qsl`` decodes it, blank values kept. That takes three times as long.

    Raises ``ValueError`` unless it is UTF-8.
    """
    parts = [part.partition("=") for part in query.replace("+", " ").split("&") if part]
    if "%" in query:
        return [(_unescaped(name), _unescaped(value)) for name, _, value in parts]
    return [(name, value) for name, _, value in parts]


def _decoded(escapes: re.Match[str]) -> str:
    return bytes.fromhex(escapes[0].replace("%", "")).decode()


# A run of escapes stands for whole characters: what is not escaped is one already.
_unescaped = partial(re.compile(r"(?:%[0-9A-Fa-f]{2})+").sub, _decoded)


def _json_members(body: bytes) -> list[tuple[str, str]]:
    try:
        members = json.loads(body, object_pairs_hook=tuple)
    except RecursionError:
        raise ValueError("JSON nested too deep") from None
    if not isinstance(members, tuple) or not all(isinstance(value, str) for _, value in members):
        raise ValueError("JSON other than an object of strings")
    return list(members)


def _readable(request: WebhookRequest) -> list[tuple[str, str]]:
    try:
        return fields(request)
    except ValueError as error:
        raise InvalidSignature(f"not a request of Twilio's: {error}") from error


def _signed_pairs(request: WebhookRequest, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parameters that Twilio signs beside the URL."""
    if request.method == "GET":
        return []
    if content_type(request) != JSON:
        return pairs
    given = [value for name, value in decode(request.query) if name == "bodySHA256"]
    actual = hashlib.sha256(request.body).hexdigest()
    if len(given) != 1 or not hmac.compare_digest(_bytes(given[0]), actual.encode()):
        raise InvalidSignature("bodySHA256 of the URL is not the hash of the JSON body")
    return []


def _check(
    given: str | None, account: Account, urls: Iterable[str], pairs: Iterable[tuple[str, str]]
) -> None:
    """Check that the signature holds for one of the URL's spellings under one of the tokens."""
    if given is None:
        raise MissingSignature("no X-Twilio-Signature: not a request of Twilio's")
    tokens = [token for token in account.secrets.get("authTokens", ()) if token]
    if not tokens:
        raise NoSecret(f"no auth token is known of {account.ref}: nothing can be verified")
    params = _run_together(pairs)
    wanted = [_sign(token, url + params) for token in tokens for url in urls]
    # All are compared, in constant time each: the time tells neither the token nor the spelling.
    claimed = _bytes(given)
    if not sum([hmac.compare_digest(claimed, each) for each in wanted]):
        raise InvalidSignature(
            f"X-Twilio-Signature does not hold for {account.ref}: is PUBLIC_URL the address "
            "Twilio calls, and the auth token the primary one?"
        )


def _check_shapes(pairs: list[tuple[str, str]], account: Account) -> None:
    """Refuse parameters of a wrong shape, and another account's."""
    values = dict(pairs)
    if len(values) != len(pairs):
        check_repeated(pairs)
    for name in sorted(SHAPED.keys() & values.keys()):
        if not SHAPED[name].fullmatch(values[name]):
            raise InvalidSignature(f"{name} is not of the shape Twilio gives it")
    for name, shape in REQUIRED.items():
        if not shape.fullmatch(values.get(name, "")):
            raise InvalidSignature(f"{name} is missing, or not of the shape Twilio gives it")
    if values["AccountSid"] != account.ref:
        raise InvalidSignature(f"the request names another account than {account.ref}")


def _check_cut(url: str, pairs: list[tuple[str, str]]) -> None:
    """Refuse a form whose parameters were cut anew. Nearly none is looked at any closer."""
    plain = are_plain(frozenset(map(_FIRST, pairs)))
    if not plain or ANY.search("\n".join(map("\0".join, pairs))):
        check_cut(url, pairs)


def _spellings(url: str) -> list[str]:
    """The URL as Twilio may have signed it: with the port or without, ``@`` and ``:`` plain or not.

    Twilio drops the port of https. In a query it has signed ``@`` and ``:`` plain and sent them
    escaped, so Twilio's own libraries try both.
    """
    try:
        scheme, host, port, rest = _split(url)
    except ValueError as error:
        raise InvalidSignature(str(error)) from error
    ports = ("", port or _DEFAULT_PORTS.get(scheme.lower(), ""))
    path, mark, query = rest.partition("?")
    queries = [query]
    if _MARK.search(query):
        queries = list(dict.fromkeys((query, _plain(query), _escaped(query))))
    return [f"{scheme}://{host}{each}{path}{mark}{q}" for each in ports for q in queries]


def _plain(query: str) -> str:
    return _ESCAPED_MARK.sub(lambda found: _MARKS[found[0].upper()], query)


def _escaped(query: str) -> str:
    return _plain(query).replace("@", "%40").replace(":", "%3A")


def _split(url: str) -> tuple[str, str, str, str]:
    """Scheme, host, ``:port`` and the rest, bytes untouched; no userinfo, no fragment.

    ``urlsplit`` would drop an empty query and normalise parts that Twilio signs as they are.
    """
    if not (match := _URL.fullmatch(url.partition("#")[0])):
        raise ValueError("not an absolute URL")
    scheme, host, port, rest = match.groups(default="")
    return scheme, host, port, rest


def _run_together(params: Iterable[tuple[str, str]]) -> str:
    return "".join(map("".join, sorted(set(params))))


def _sign(token: str, text: str) -> bytes:
    return base64.b64encode(hmac.digest(_bytes(token), _bytes(text), "sha1"))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
