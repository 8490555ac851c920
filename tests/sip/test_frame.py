"""Messages out of a stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import MessageError
from sipexpress.sip.frame import PING, Framer
from sipexpress.sip.message import MAX_BODY, parse_message
from sipexpress.sip.scan import MAX_HEADER_BLOCK
from tests.sip.samples import INVITE, OK, PIECES, framed


def cut(data: bytes, *, ends: tuple[int, ...] = ()) -> tuple[list[bytes], bool]:
    """What a framer gives for `data`, fed in pieces that end there; and whether it was damaged."""
    framer = Framer()
    found: list[bytes] = []
    at = 0
    for end in (*sorted(ends), len(data)):
        found += framer.feed(data[at:end])
        at = end
    return found, bool(framer.damage)


def with_length(*lines: bytes) -> bytes:
    return b"\r\n".join((b"INVITE sip:a SIP/2.0", b"To: b", *lines, b"", b""))


class FramerTests(SynchronousTestCase):
    """RFC 3261 18.3."""

    def test_one_message(self) -> None:
        self.assertEqual(cut(INVITE), ([INVITE], False))

    def test_several_at_once(self) -> None:
        self.assertEqual(cut(INVITE + OK + INVITE), ([INVITE, OK, INVITE], False))

    def test_byte_by_byte(self) -> None:
        data = INVITE + OK + INVITE
        self.assertEqual(cut(data, ends=tuple(range(len(data)))), ([INVITE, OK, INVITE], False))

    def test_line_ends_before_a_message(self) -> None:
        self.assertEqual(cut(b"\r\n" + INVITE + b"\r\n" + OK), ([INVITE, OK], False))

    def test_keep_alives(self) -> None:
        """RFC 5626 3.5.1."""
        self.assertEqual(cut(PING + INVITE + PING + PING + OK + PING), ([PING, INVITE, PING, PING, OK, PING], False))

    def test_a_keep_alive_in_pieces(self) -> None:
        for end in range(5):
            self.assertEqual(cut(PING + OK, ends=(end,)), ([PING, OK], False))

    def test_a_body_that_looks_like_messages(self) -> None:
        body = OK + PING + b"\r\nContent-Length: 5\r\n\r\n"
        data = with_length(b"Content-Length: %d" % len(body)) + body
        self.assertEqual(cut(data + OK), ([data, OK], False))

    def test_partial(self) -> None:
        framer = Framer()
        self.assertFalse(framer.partial)
        framer.feed(b"\r\n")
        self.assertFalse(framer.partial)
        framer.feed(INVITE[:-1])
        self.assertTrue(framer.partial)
        framer.feed(INVITE[-1:])
        self.assertFalse(framer.partial)

    def test_what_came_before_damage_is_kept(self) -> None:
        self.assertEqual(cut(INVITE + with_length() + OK), ([INVITE], True))

    def test_nothing_comes_after_damage(self) -> None:
        framer = Framer()
        framer.feed(with_length())
        self.assertIn("Content-Length", framer.damage)
        self.assertEqual(framer.feed(OK), [])
        self.assertFalse(framer.partial)


class LengthTests(SynchronousTestCase):
    """Content-Length as its traps have it: who reads another length than we do can smuggle a message."""

    def taken(self, *lines: bytes) -> None:
        data = with_length(*lines)
        self.assertEqual(cut(data + b"12345" + OK), ([data + b"12345", OK], False), lines)

    def damaged(self, *lines: bytes) -> None:
        self.assertEqual(cut(with_length(*lines) + b"12345" + OK), ([], True), lines)

    def test_spellings(self) -> None:
        for line in (
            b"Content-Length: 5",
            b"l:5",
            b"L \t: 5 \t",
            b"CONTENT-length:05",
            b"Content-Length:\r\n 5",
            b"l: 5\r\n ",
        ):
            self.taken(line)

    def test_the_same_twice(self) -> None:
        self.taken(b"Content-Length: 5", b"l: 5")

    def test_two_different(self) -> None:
        self.damaged(b"Content-Length: 5", b"Content-Length: 6")
        self.damaged(b"l: 5", b"X: y", b"CONTENT-LENGTH: 0")

    def test_none(self) -> None:
        self.damaged()
        self.damaged(b"X: Content-Length: 5")
        self.damaged(b"X: y\r\n Content-Length: 5")

    def test_names_that_only_look_like_it(self) -> None:
        for line in (
            b"Content-Lengths: 5",
            b"XContent-Length: 5",
            b"Content_Length: 5",
            b"ll: 5",
            b"Content-Length\x0b: 5",
        ):
            self.damaged(line)

    def test_numbers_that_are_none(self) -> None:
        for text in (
            b"+5",
            b"-5",
            b"1_0",
            b"5.0",
            b"0x5",
            b"5 5",
            b"5,5",
            b"5;x",
            b"",
            b"five",
            b"5\x0b",
            b"5e0",
            b'"5"',
        ):
            self.damaged(b"Content-Length: " + text)

    def test_digits_of_other_scripts(self) -> None:
        for text in ("\u0665", "\u00b2", "\uff15"):
            self.damaged(b"Content-Length: " + text.encode())
        self.damaged(b"Content-Length: \xb2")

    def test_folded_numbers(self) -> None:
        self.damaged(b"Content-Length: 5\r\n 0")
        self.damaged(b"Content-Length:\r\n \r\n")

    def test_what_is_cut_is_what_the_message_says(self) -> None:
        for line in (b"l: 5", b"l:\r\n 5", b"Content-Length : 0005", b"l: 5\r\n\t"):
            (data,), _ = cut(with_length(line) + b"12345")
            message = parse_message(data)
            self.assertEqual(message.body, b"12345")
            self.assertEqual(message.to_bytes(), data)


class LimitTests(SynchronousTestCase):
    """Nothing is unbounded."""

    def padded(self, size: int) -> bytes:
        start = with_length(b"l: 0", b"X: ")[:-4]
        return start + b"x" * (size - len(start)) + b"\r\n\r\n"

    def test_header(self) -> None:
        data = self.padded(MAX_HEADER_BLOCK)
        self.assertEqual(cut(data), ([data], False))
        self.assertEqual(cut(data, ends=tuple(range(len(data)))), ([data], False))
        parse_message(data)

    def test_header_above(self) -> None:
        data = self.padded(MAX_HEADER_BLOCK + 1)
        self.assertEqual(cut(data), ([], True))
        self.assertEqual(cut(data, ends=tuple(range(len(data)))), ([], True))
        self.assertRaises(MessageError, parse_message, data)

    def test_header_without_end(self) -> None:
        framer = Framer()
        framer.feed(b"x" * (MAX_HEADER_BLOCK + 4))
        self.assertIn("no empty line", framer.damage)

    def test_body(self) -> None:
        head = with_length(b"l: %d" % MAX_BODY)
        framer = Framer()
        self.assertEqual(framer.feed(head + b"x" * (MAX_BODY - 1)), [])
        (data,) = framer.feed(b"x")
        self.assertEqual(len(data), len(head) + MAX_BODY)

    def test_body_above(self) -> None:
        for length in (b"65537", b"2147483648", b"4294967301", b"9999999999", b"1" + b"0" * 4000):
            framer = Framer()
            self.assertEqual(framer.feed(with_length(b"l: " + length) + b"12345"), [])
            self.assertIn(length[:20].decode(), framer.damage)

    def test_other_limits(self) -> None:
        framer = Framer(max_header=100, max_body=10)
        data = with_length(b"l: 10") + b"0123456789"
        self.assertEqual(framer.feed(data), [data])
        framer.feed(with_length(b"l: 11"))
        self.assertIn("above the limit of 10", framer.damage)


class ChunkTests(SynchronousTestCase):
    """However the stream is cut into segments, the messages are the same."""

    @given(st.data(), st.lists(framed() | st.just(b"\r\n") | st.just(PING), max_size=5))
    def test_good_streams(self, data: st.DataObject, parts: list[bytes]) -> None:
        stream = b"".join(parts)
        whole = cut(stream)
        ends = data.draw(st.lists(st.integers(0, len(stream)), max_size=20).map(tuple))
        self.assertEqual(cut(stream, ends=ends), whole)
        self.assertFalse(whole[1])
        self.assertEqual([one for one in whole[0] if one != PING], [part for part in parts if part.strip(b"\r\n")])

    @given(st.data(), st.lists(framed() | PIECES | st.sampled_from([b"\r\nl: 1\r\n\r\n", b"\r\n\r\n"]), max_size=8))
    def test_any_stream(self, data: st.DataObject, parts: list[bytes]) -> None:
        stream = b"".join(parts)
        ends = data.draw(st.lists(st.integers(0, len(stream)), max_size=20).map(tuple))
        self.assertEqual(cut(stream, ends=ends), cut(stream))
        self.assertEqual(cut(stream, ends=tuple(range(len(stream)))), cut(stream))

    @given(st.lists(framed(), min_size=1, max_size=3))
    def test_messages_arrive_as_soon_as_they_are_whole(self, parts: list[bytes]) -> None:
        framer = Framer()
        for part in parts:
            self.assertEqual(framer.feed(part[:-1]), [])
            self.assertEqual(framer.feed(part[-1:]), [part])
