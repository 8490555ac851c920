"""Messages for the tests of this room, written out, from the RFCs and made by hypothesis."""

from __future__ import annotations

from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st

from sipexpress.sip.message import Request, Response, parse_message

DATA = Path(__file__).resolve().parents[1] / "data"

# The machine may be busy: no limits in seconds (they could not be kept), and no complaint about slow making.
settings.register_profile("sip", deadline=None, max_examples=150)
settings.load_profile("sip")

INVITE = (
    b"INVITE sip:bob@biloxi.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n"
    b"Max-Forwards: 70\r\n"
    b"To: Bob <sip:bob@biloxi.com>\r\n"
    b"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:alice@pc33.atlanta.com>\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)
"""The INVITE of RFC 3261 section 4, with a short body."""

OK = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP server10.biloxi.com;branch=z9hG4bKnashds8;received=192.0.2.3\r\n"
    b"Via: SIP/2.0/UDP bigbox3.site3.atlanta.com;branch=z9hG4bK77ef4c2312983.1;received=192.0.2.2\r\n"
    b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds;received=192.0.2.1\r\n"
    b"To: Bob <sip:bob@biloxi.com>;tag=a6c85cf\r\n"
    b"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:bob@192.0.2.4>\r\n"
    b"Content-Length: 0\r\n"
    b"\r\n"
)
"""The 200 of RFC 3261 section 4, without body."""


def request(*lines: bytes, uri: bytes = b"sip:bob@biloxi.com", body: bytes = b"") -> Request:
    """An INVITE with exactly these header lines."""
    message = parse_message(b"\r\n".join((b"INVITE " + uri + b" SIP/2.0", *lines, b"", body)))
    assert isinstance(message, Request)
    return message


def response(*lines: bytes) -> Response:
    """A 200 with exactly these header lines."""
    message = parse_message(b"\r\n".join((b"SIP/2.0 200 OK", *lines, b"", b"")))
    assert isinstance(message, Response)
    return message


def invite() -> Request:
    """INVITE, parsed."""
    message = parse_message(INVITE)
    assert isinstance(message, Request)
    return message


def rfc(name: str) -> bytes:
    """A message of tests/data, by ``rfc4475/wsinv.dat``."""
    return (DATA / name).read_bytes()


# What separates things in SIP, so that made-up texts come near to what a parser looks for.
PIECES = st.sampled_from(
    (
        *(b"<", b">", b'"', b"\\", b";", b",", b":", b"=", b"@", b"?", b"%", b"&", b" ", b"\t", b"\r\n ", b"\r", b"\n"),
        *(
            b"\0",
            b"\x7f",
            b"\xff",
            b"\xc2\xa0",
            b"\xc5\xbf",
            b"a",
            b"1",
            b"+",
            b"*",
            b"[",
            b"]",
            b".",
            b"-",
            b"_",
            b"%41",
        ),
        *(b"sip:", b"sips:", b"tel:", b"SIP/2.0/UDP ", b";tag=", b";branch=", b";lr", b'"x"', b"<sip:a@b>", b"INVITE"),
    )
)
near = st.lists(PIECES, max_size=25).map(b"".join)
"""Bytes that look like SIP at places."""
anything = near | st.binary(max_size=100)

token = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=8).map(str.encode)
value = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20).map(
    str.encode
)
"""What may stand in a header field."""
names = st.sampled_from([b"X-One", b"x-two", b"Via", b"v", b"ROUTE", b"From", b"t", b"Call-ID", b"Subject", b"contact"])
spaces = st.sampled_from([b"", b" ", b"\t", b"  "])
fold = st.sampled_from([b" ", b"\t", b"\r\n ", b" \t\r\n \t"])


@st.composite
def header_lines(draw: st.DrawFn) -> bytes:
    """One header line, possibly folded, without its last CRLF."""
    parts = draw(st.lists(value.filter(lambda text: bool(text.strip(b" \t"))), min_size=1, max_size=3))
    text = parts[0]
    for part in parts[1:]:
        text += draw(fold) + part
    return draw(names | token) + draw(spaces) + b":" + draw(spaces) + text


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message that parse_message() takes: any headers, no Content-Length."""
    start = draw(st.sampled_from([b"INVITE sip:a@b SIP/2.0", b"X tel:+1 sip/2.0", b"SIP/2.0 200 OK", b"SIP/2.0 404 "]))
    lines = draw(st.lists(header_lines().filter(_no_length), max_size=8))
    return b"\r\n".join([start, *lines, b"", b""]) + draw(st.binary(max_size=30))


def _no_length(line: bytes) -> bool:
    return line.partition(b":")[0].strip().lower() not in (b"l", b"content-length")


@st.composite
def framed(draw: st.DrawFn) -> bytes:
    """A message for a stream: with Content-Length."""
    data = draw(messages())
    head, _, body = data.partition(b"\r\n\r\n")
    name = draw(st.sampled_from([b"Content-Length:", b"l: ", b"CONTENT-LENGTH \t:\t", b"L:\r\n "]))
    return head + b"\r\n" + name + b"%d" % len(body) + draw(spaces) + b"\r\n\r\n" + body
