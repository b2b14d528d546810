"""Mutants that no test can notice, each with the reason: they behave as the code does."""

from __future__ import annotations

NO_ACCOUNT = "both are no account's SID"
NEVER_USED = "the other value is always given"
FALSY = "only asked whether it is true"
NEW = "an address that is not known has not tried since the machine began"
ONE_PLACE = "no two parameters begin at one place"
UNREAD = "the verification of a socket reads neither method nor body"

EQUIVALENT: dict[str, dict[str, str]] = {
    "app/domain/calls/state.py": {
        "<module>: 8 -> 9": "weaker than the weakest is still the weakest",
        "_View: False -> True": NEVER_USED,
        "_is_terminal: return False -> return None": FALSY,
    },
    "providers/twilio/signature.py": {
        "claimed_account: '' -> 'X'": NO_ACCOUNT,
        "signed_text: '' -> 'X'": "what joins the parts of the URL does not matter",
        "signed_text: if '%' in query -> if True": "a query without it stays as it is",
        "verify_socket: '' -> 'X'": "neither is a signature",
    },
    "providers/twilio/cut.py": {
        "<module>: '(Dial)?SipHeader_' -> '(Dial)?SipHeader_X'": "all these headers begin with X-",
        "_check_first: '/?&' -> '/?&X'": "a name that begins with X sorts behind AccountSid",
        "_is_cut: name > sip[0] -> name >= sip[0]": "no parameter has a SIP header's name",
        "_moved: start < self._starts[name] -> start <= self._starts[name]": ONE_PLACE,
        "_moved: key < 'CallSid' < name -> key <= 'CallSid' < name": "the key is none of ours",
        "_fits: 1 -> 2": "both are before every place",
        "_fits: at > last -> at >= last": ONE_PLACE,
        "_fits: return False -> return None": FALSY,
    },
    "providers/vonage/signature.py": {
        "token_digest: 32 -> 33": "one character more does not matter",
        "probe: True -> False": "what is written is ASCII anyway",
        "verify_socket: 'GET' -> 'GETX'": UNREAD,
        "verify_socket: b'' -> b'X'": UNREAD,
    },
    "app/routes/attempts.py": {
        "_level: 0.0 -> 1.0": NEW,
        "_level: 0.0 -> 1.0 #2": NEW,
    },
    "app/routes/auth.py": {
        "require_token: '' -> 'X'": "no token is that short",
        "client: environ.get('REMOTE_ADDR') or '' -> environ.get('REMOTE_ADDR')": NEVER_USED,
        "client: '' -> 'X'": NEVER_USED,
        "client: '' -> 'X' #2": "neither is an address",
        "presented_key: '' -> 'X'": "neither is a scheme",
        "_password: pair.partition(':')[2] or None -> pair.partition(':')[2]": FALSY,
        "presented_key: value.strip() or None -> value.strip()": FALSY,
    },
}
"""Path -> the mutant's name -> why it changes nothing."""
