"""No text makes a parser work out of proportion (class 23 of our security classes: regular expressions
that go back, and loops inside of loops).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from itertools import count

from sipexpress.errors import ParseError
from sipexpress.sip.check import defect
from sipexpress.sip.compose import compose_reply, received_via
from sipexpress.sip.cseq import CSeq
from sipexpress.sip.frame import Framer
from sipexpress.sip.headers import split_list, unfold
from sipexpress.sip.message import Request, parse_message
from sipexpress.sip.nameaddr import NameAddr, parse_list, tag_of
from sipexpress.sip.params import parse_params
from sipexpress.sip.routeset import Route
from sipexpress.sip.scan import MAX_HEADER_BLOCK
from sipexpress.sip.tel import TelUri
from sipexpress.sip.uri import MAX_URI, parse_uri
from sipexpress.sip.via import Via, branch_of, split_first
from tests.sip.growth import GrowthCase

SIZE = 65536
HEADER = MAX_HEADER_BLOCK - 500
"""What fits into one header of a message."""
URI = MAX_URI - 10

# Pumped between a beginning and an end that do not let a match succeed, or succeed late.
ATOMS = (
    *(b";", b"\\", b'"', b"<", b">", b",", b" ", b"\t", b"=", b"a", b"%", b"%41", b"&", b"?", b"@", b":", b"."),
    *(b"[", b"(", b"-", b"*", b"#", b"1", b"a.", b".-", b"a=", b";a", b"=;", b";a=", b'";', b'\\"', b'",', b',"'),
    *(b'<"', b'"<', b"<>", b"><", b'>;tag="', b";tag=", b"; tag", b";branch=", b'"a" ', b"a@", b"a:", b"::"),
    *(b"\r\n ", b" \r\n ", b" \t", b"SIP/2.0/UDP a,", b"<sip:a@b>,", b"\xc3\xa9", b"\xff"),
)
ENDS = (b"", b"@", b'"', b"\0", b"x\r\n y")

_count = count()


Maker = Callable[[int], bytes]


def pump(atom: bytes, head: bytes = b"", end: bytes = b"") -> Maker:
    """Makes texts of any length out of one piece."""
    return lambda size: head + atom * (size // len(atom)) + end


def fresh(read: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """The same, with a text that no cache has seen."""
    return lambda text: read(text + b"%d" % next(_count))


class ReaderTests(GrowthCase):
    """Each reading function on 64 kB of every atom behind every beginning it knows."""

    def pumped(self, read: Callable[[bytes], object], heads: Sequence[bytes], size: int = SIZE) -> None:
        for head in heads:
            for atom in ATOMS:
                for end in ENDS:
                    self.assertGrows(read, pump(atom, head, end), size)

    def test_uri(self) -> None:
        heads = (b"", b"sip:", b"sip:a@h", b"sip:a:", b"sip:a@h;a=", b"sip:a@h?", b"sip:[", b"x:")
        self.pumped(fresh(parse_uri), heads, URI)

    def test_tel(self) -> None:
        self.pumped(fresh(parse_uri), (b"tel:", b"tel:+", b"tel:+1", b"tel:1;a", b"tel:1;ext="), URI)
        self.pumped(lambda text: TelUri.parse(text.decode("utf-8", "replace")), (b"tel:", b"tel:+1", b"tel:1;a"))

    def test_name_addr(self) -> None:
        self.pumped(NameAddr.parse, (b"", b'"', b"<sip:", b"<sip:a@b>;a", b'<sip:a@b>;a="', b"a <", b"sip:a@b;a"))

    def test_tag(self) -> None:
        self.pumped(tag_of, (b"", b'"', b"<sip:a@b>", b'<sip:a@b>;a="', b"<sip:a@b>;tag"))

    def test_lists(self) -> None:
        self.pumped(split_list, (b"", b",", b'"', b"<,", b'a="b",'))
        self.pumped(lambda text: parse_list([text]), (b"<sip:a@b>,", b'"a" <sip:a@b>,'))

    def test_params(self) -> None:
        self.pumped(lambda text: parse_params(text.decode("utf-8", "replace"), "x"), (b";a", b';a="', b";a="))

    def test_via(self) -> None:
        self.pumped(lambda text: Via.parse(text).params, (b"", b"SIP / 2.0 / ", b"SIP/2.0/UDP h", b"SIP/2.0/UDP h;a"))

    def test_branch(self) -> None:
        self.pumped(branch_of, (b"", b"SIP/2.0/UDP h", b'SIP/2.0/UDP h;a="', b"SIP/2.0/UDP h;branch="))

    def test_first_via(self) -> None:
        self.pumped(split_first, (b"", b"SIP/2.0/UDP h", b'SIP/2.0/UDP h;a=",'))

    def test_route(self) -> None:
        self.pumped(lambda text: Route(text).param("lr"), (b"<sip:", b"<sip:a@", b"<sip:a;", b"<sip:[", b"<sip:a;lr"))

    def test_cseq(self) -> None:
        self.pumped(fresh(CSeq.parse), (b"", b"1", b"1 "))

    def test_unfolding(self) -> None:
        self.pumped(unfold, (b"", b"a"))


class MessageTests(GrowthCase):
    """The same through whole messages, as large as their limits let them be."""

    def pumped(self, name: bytes, head: bytes, read: Callable[[Request], object]) -> None:
        for atom in ATOMS:
            for end in (ENDS[0], ENDS[-1]):
                self.assertGrows(lambda data: read(_parsed(data)), _header(name, pump(atom, head, end)), HEADER)

    def test_to(self) -> None:
        self.pumped(b"To", b"<sip:a@b>", lambda request: request.to_tag)
        self.pumped(b"t", b'"', lambda request: request.to)

    def test_from(self) -> None:
        self.pumped(b"From", b"", lambda request: (request.from_tag, request.from_))

    def test_contacts(self) -> None:
        self.pumped(b"Contact", b"<sip:a@b>", lambda request: request.contacts)
        self.pumped(b"m", b'"', lambda request: request.contact_star)

    def test_via(self) -> None:
        self.pumped(b"Via", b"SIP/2.0/UDP h;branch=z", lambda request: request.via.branch)
        self.pumped(b"v", b"SIP/2.0/UDP h", defect)

    def test_reply(self) -> None:
        self.pumped(b"To", b"<sip:a@b>", lambda request: compose_reply(request, 400, "Bad", b"t"))

    def test_received(self) -> None:
        self.pumped(b"Via", b"SIP/2.0/UDP h;a", lambda request: received_via(request, "192.0.2.1", 5060))

    def test_request_uri(self) -> None:
        made = pump(b"a;", b"INVITE sip:", b"@ SIP/2.0\r\n\r\n")
        self.assertGrows(lambda data: _read(lambda: _parsed(data).uri), made, URI)

    def test_many_headers(self) -> None:
        for line in (b"X: %b\r\n", b"X:y\r\n %b\r\n", b"X-%b \t: y\r\n", b"Via: SIP/2.0/UDP a,%b\r\n", b"To: %b\r\n"):
            self.assertGrows(lambda data: _read_all(_parsed(data)), _headers(line), HEADER)

    def test_one_line_of_many_folds(self) -> None:
        self.assertGrows(lambda data: _read_all(_parsed(data)), _header(b"X", pump(b"\r\n b", b"a")), HEADER)

    def test_body(self) -> None:
        for piece in (b"\r\n\r\n", b"\n", b"v=0\r\n", b","):
            self.assertGrows(lambda data: _read_all(_parsed(data)), pump(piece, _message(b"X", b"y")), SIZE - 1000)


class StreamTests(GrowthCase):
    """A stream, in pieces of any size."""

    def test_header_that_does_not_end(self) -> None:
        for piece in (b"a", b"\r", b"\n", b"\r\n", b"\r\n\r", b"l: 5\r\n", b"X\r\n\rY"):
            for step in (1, 7, 1000):
                self.assertGrows(_fed(step), pump(piece, b"I"), HEADER)

    def test_body_byte_by_byte(self) -> None:
        self.assertGrows(_fed(1), lambda size: b"INVITE sip:a SIP/2.0\r\nl: %d\r\n\r\n" % size + b"x" * size, SIZE)

    def test_many_messages(self) -> None:
        for step in (1, 11, SIZE):
            self.assertGrows(_fed(step), pump(b"X a SIP/2.0\r\nl: 0\r\n\r\n"), SIZE)

    def test_keep_alives(self) -> None:
        for step in (1, 3, SIZE):
            self.assertGrows(_fed(step), pump(b"\r\n"), SIZE)

    def test_content_length(self) -> None:
        for head in (b"Content-Length", b"l:", b"l: 1", b"X: l:"):
            for atom in (b" ", b"\t", b" \t", b"1", b"1 ", b":", b"\r\n ", b"\r\n l", b" \r\n "):
                for end in (b"", b"1", b"\0", b" x"):
                    made = pump(atom, b"INVITE sip:a SIP/2.0\r\n" + head, end + b"\r\n\r\n")
                    self.assertGrows(_fed(HEADER), made, HEADER)


def _parsed(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def _read(read: Callable[[], object]) -> None:
    with contextlib.suppress(ParseError):
        read()


def _read_all(request: Request) -> None:
    """What the server does with every request, and more."""
    for read in (lambda: defect(request), lambda: request.from_, lambda: request.to, lambda: request.contacts):
        _read(read)
    for key in dict.fromkeys(request.keys):
        request.header_list(key)
    request.add("X", "y")
    parse_message(request.to_bytes(), own=True)


def _message(name: bytes, text: bytes) -> bytes:
    rest = b"Via: SIP/2.0/UDP h\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: e\r\nCSeq: 1 INVITE\r\n\r\n"
    return b"INVITE sip:a SIP/2.0\r\n%b: %b\r\n%b" % (name, text, rest)


def _header(name: bytes, make: Maker) -> Maker:
    """A message with one header that is so long."""
    return lambda size: _message(name, make(size))


def _headers(line: bytes) -> Maker:
    """A message with up to 200 headers of 100 bytes or so."""
    return lambda size: b"INVITE sip:a SIP/2.0\r\n" + line % (b"z" * 100) * (200 * size // HEADER) + b"\r\n"


def _fed(step: int) -> Callable[[bytes], int]:
    """Feeds a framer with pieces of that many bytes."""

    def feed(data: bytes) -> int:
        framer = Framer()
        return sum(len(framer.feed(data[at : at + step])) for at in range(0, len(data), step))

    return feed
