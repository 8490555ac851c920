"""Names of header fields (RFC 3261 7.3, 20) and how their values are split."""

from __future__ import annotations

import re

from sipexpress.errors import HeaderError

_DISPLAY_NAMES = """
Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Alert-Info Allow
Allow-Events Authentication-Info Authorization Call-ID Call-Info Contact Content-Disposition
Content-Encoding Content-Language Content-Length Content-Type CSeq Date Diversion Error-Info Event
Expires Flow-Timer From Geolocation History-Info Identity In-Reply-To Join Max-Breadth Max-Forwards
MIME-Version Min-Expires Min-SE Organization P-Access-Network-Info P-Asserted-Identity
P-Associated-URI P-Called-Party-ID P-Charging-Vector P-Preferred-Identity P-Visited-Network-ID Path
Priority Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route
Recv-Info Referred-By Refer-To Reject-Contact Remote-Party-ID Replaces Reply-To Request-Disposition
Require Resource-Priority Retry-After Route RSeq Server Service-Route Session-Expires SIP-ETag
SIP-If-Match Subject Subscription-State Supported Target-Dialog Timestamp To Unsupported User-Agent
User-to-User Via Warning WWW-Authenticate
""".split()  # noqa: SIM905 - a list of strings would take a page

_COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}

# Looking for a byte by its number costs a tenth of looking for it as a text of one byte.
NUL = 0x00
TAB = 0x09
LF = 0x0A
CR = 0x0D
QUOTE = 0x22
COMMA = 0x2C

DISPLAY: dict[str, str] = {name.lower(): name for name in _DISPLAY_NAMES}
"""Key -> the usual spelling."""

KNOWN: dict[bytes, str] = {}
"""Every usual spelling, compact forms included -> key."""

for _name in _DISPLAY_NAMES:
    for _spelling in (_name, _name.lower(), _name.upper(), _name.title(), _name.capitalize()):
        KNOWN[_spelling.encode()] = _name.lower()
for _short, _key in _COMPACT.items():
    KNOWN[_short.encode()] = KNOWN[_short.upper().encode()] = _key

_TOKEN = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]+\Z")
_PLAIN = re.compile(rb'[^",<>]*\Z')


def is_token(raw: bytes) -> bool:
    """Whether `raw` is a token (RFC 3261 25.1)."""
    return _TOKEN.match(raw) is not None


def to_raw(text: str | bytes) -> bytes:
    """The bytes of a text; what came from the wire comes back as it was. Raises HeaderError when it has none."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise HeaderError(f"{text[:80]!r} holds half a character") from None


def canonical(name: str | bytes) -> str:
    """The key of a header name: its long form in lower case. Raises HeaderError when it is no token."""
    raw = to_raw(name)
    key = KNOWN.get(raw)
    if key is None:
        if not is_token(raw):
            raise HeaderError(f"{raw[:80]!r} is not a header name")
        key = raw.decode("ascii").lower()
        key = _COMPACT.get(key, key)
    return key


def unfold(value: bytes) -> bytes:
    """A folded value on one line, without white space at its ends (RFC 3261 7.3.1)."""
    return b" ".join([part.strip(b" \t") for part in value.split(b"\r\n")]).strip(b" ")


def value_of(line: bytes) -> bytes:
    """The field value of a header line, unfolded."""
    value = line.partition(b":")[2].strip(b" \t")
    return unfold(value) if CR in value else value


def split_list(value: bytes) -> list[bytes]:
    """The elements of a comma list: commas in quoted strings and between ``<`` and ``>`` do not
    count; empty elements are left out (RFC 3261 7.3.1).
    """
    if COMMA not in value:
        item = value.strip()
        return [item] if item else []
    return [item for item in (part.strip() for part in _split(value)) if item]


def _split(value: bytes) -> list[bytes]:
    if _PLAIN.match(value.replace(b",", b"")):
        return value.split(b",")
    items = []
    start = at = 0
    end = len(value)
    while at < end:
        byte = value[at]
        if byte == 0x22:
            at = end_of_quoted(value, at)
            continue
        if byte == 0x3C:
            close = value.find(b">", at)
            at = end if close < 0 else close
        elif byte == 0x2C:
            items.append(value[start:at])
            start = at + 1
        at += 1
    items.append(value[start:])
    return items


_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_QUOTED_OR_OPEN = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def end_of_quoted(value: bytes, at: int) -> int:
    """The position after the quoted string that begins at `at`; the end of `value` when it is not closed."""
    found = _QUOTED.match(value, at)
    return len(value) if found is None else found.end()


def blank_quoted(value: bytes) -> bytes:
    """The same with empty quoted strings, so that nothing is found in them; one that is not closed runs to the end."""
    return _QUOTED_OR_OPEN.sub(b'""', value)
