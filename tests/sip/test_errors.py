"""Whatever comes from the wire: read, or refused with the error that is documented; and not kept."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError, MessageError, UriError
from sipexpress.sip.compose import compose_reply, received_via
from sipexpress.sip.cseq import CSeq
from sipexpress.sip.frame import Framer
from sipexpress.sip.headers import canonical, split_list, unfold
from sipexpress.sip.message import Request, Response, parse_message
from sipexpress.sip.nameaddr import NameAddr, parse_list, tag_of
from sipexpress.sip.params import parse_params
from sipexpress.sip.routeset import Route
from sipexpress.sip.tel import TelUri
from sipexpress.sip.uri import parse_uri
from sipexpress.sip.via import Via, branch_of, split_first
from tests.sip.samples import INVITE, OK, anything, header_lines

Errors = type[Exception] | tuple[type[Exception], ...]

# What reads bytes, and the errors that its docstring names.
READERS: list[tuple[Callable[[bytes], object], Errors]] = [
    (parse_message, MessageError),
    (NameAddr.parse, HeaderError),
    (lambda text: parse_list([text]), HeaderError),
    (lambda text: str(NameAddr.parse(text).uri), (HeaderError, UriError)),
    (CSeq.parse, HeaderError),
    (lambda text: Via.parse(text).params, HeaderError),
    (lambda text: (Via.parse(text).branch, Via.parse(text).rport), HeaderError),
    (parse_uri, UriError),
    (lambda text: TelUri.parse(text.decode("utf-8", "surrogateescape")), UriError),
    (lambda text: parse_params(text.decode("utf-8", "surrogateescape"), "x"), HeaderError),
    (lambda text: Route(text).param("lr"), (HeaderError, UriError)),
    (lambda text: (Route(text).text, Route(text).uri), (HeaderError, UriError)),
    (canonical, HeaderError),
    (tag_of, ()),
    (branch_of, ()),
    (split_first, ()),
    (split_list, ()),
    (unfold, ()),
    (Framer().feed, ()),
]

NASTY = (
    *(
        b"",
        b"\xff",
        b"\0",
        b'"',
        b"<",
        b">",
        b";",
        b"\\",
        b'"\\',
        b"%",
        b":",
        b"@",
        b"[",
        b"]",
        b"\xc2\xb2",
        b"\xed\xa0\x80",
    ),
    *(b"a..b", b"sip:a..b", b"sip:%00@h", b"sip:a@xn--", b"sip:" + b"a." * 100, b"<sip:\xff@\xff>", b"tel:\xd9\xa1"),
    *(b"<" * 3000, b"(" * 3000, b'"' * 3001, b"\\" * 3001, b"[" * 3000, b"sip:" * 1000, b";a" * 3000, b"9" * 5000),
    *(b"9" * 5000 + b" INVITE", b"SIP/2.0/UDP h:" + b"9" * 5000, b"sip:h:" + b"9" * 4000, b"\r\n " * 1000),
)


def everything(message: Request | Response) -> None:
    """Reads all that can be asked of a message; each may refuse as documented."""
    reads: list[tuple[Callable[[], object], Errors]] = [
        (lambda: message.from_, HeaderError),
        (lambda: str(message.from_.uri), (HeaderError, UriError)),
        (lambda: message.to, HeaderError),
        (lambda: message.cseq, HeaderError),
        (lambda: message.via, HeaderError),
        (lambda: message.via.params, HeaderError),
        (lambda: message.contacts, HeaderError),
        (lambda: (message.from_tag, message.to_tag, message.call_id, message.contact_star), ()),
        (lambda: [message.header_list(key) for key in message.keys], ()),
        (message.to_bytes, ()),
    ]
    if isinstance(message, Request):
        reads.append((lambda: str(message.uri), UriError))
        reads.append((lambda: compose_reply(message, 404, "Not Found", b"t"), ()))
        if message.has_header("via"):
            reads.append((lambda: received_via(message, "::1", 5060), ()))
    elif isinstance(message, Response):
        reads.append((message.without_via, ()))
    for read, errors in reads:
        try:
            read()
        except errors:
            continue


class AnyBytesTests(SynchronousTestCase):
    """No reader raises what it does not document."""

    def test_nasty_ones(self) -> None:
        for read, errors in READERS:
            for text in NASTY:
                try:
                    read(text)
                except errors:
                    continue

    @given(anything)
    def test_any(self, text: bytes) -> None:
        for read, errors in READERS:
            try:
                read(text)
            except errors:
                continue

    names = st.sampled_from([b"Via", b"From", b"To", b"Contact", b"CSeq", b"Call-ID", b"Route", b"l"])
    wild = st.tuples(names, anything).map(lambda pair: pair[0] + b":" + pair[1])

    @given(
        st.sampled_from([b"INVITE ", b"SIP/2.0 200 ", b""]),
        anything,
        st.lists(wild | header_lines(), max_size=6),
        anything,
    )
    @example(b"SIP/2.0 200 ", b"OK", [], b"")
    def test_whole_messages(self, start: bytes, uri: bytes, lines: list[bytes], body: bytes) -> None:
        try:
            message = parse_message(b"\r\n".join((start + uri + b" SIP/2.0", *lines, b"", body)))
        except MessageError:
            return
        everything(message)

    @given(st.sampled_from([INVITE, OK]), st.integers(0, 600), st.integers(0, 20), anything)
    def test_good_messages_with_a_hole(self, data: bytes, at: int, length: int, patch: bytes) -> None:
        try:
            message = parse_message(data[:at] + patch + data[at + length :])
        except MessageError:
            return
        everything(message)


class MemoryTests(SynchronousTestCase):
    """What strangers choose is not kept when it is long."""

    def assertForgets(self, read: Callable[[bytes], object], make: Callable[[int], bytes]) -> None:
        read(make(0))
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for number in range(1, 101):
                read(make(number))
            kept = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        self.assertLess(kept, len(make(1)) * 10)

    def test_cseq(self) -> None:
        self.assertForgets(CSeq.parse, lambda number: b"%d " % number + b"M" * 30_000)

    def test_via(self) -> None:
        self.assertForgets(Via.parse, lambda number: b"SIP/2.0/UDP h%d." % number + b"h" * 30_000)
        self.assertForgets(Via.parse, lambda number: b"SIP/2.0/T%d" % number + b"T" * 30_000 + b" h")
        self.assertForgets(Via.parse, lambda number: b"SIP/2.0/UDP h%d" % number + b" " * 30_000)

    def test_uri(self) -> None:
        self.assertForgets(_refused, lambda number: b"sip:%d@" % number + b"h" * 30_000)

    def test_messages(self) -> None:
        self.assertForgets(
            lambda data: everything(parse_message(data)),
            lambda number: INVITE.replace(b"SIP/2.0\r\n", b"SIP/2.0\r\nX: %d%b\r\n" % (number, b"x" * 30_000), 1),
        )


def _refused(text: bytes) -> None:
    try:
        parse_uri(text)
    except UriError:
        return
    raise AssertionError("a URI above its limit was read")
