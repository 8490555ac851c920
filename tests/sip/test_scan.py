"""Start line, header lines, folding, limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import MessageError
from sipexpress.sip.scan import MAX_HEADER_BLOCK, MAX_HEADERS, scan
from tests.sip.samples import INVITE, OK, anything, messages


class StartLineTests(SynchronousTestCase):
    """RFC 3261 7.1 and 7.2."""

    def start(self, line: bytes) -> tuple[int, bytes, bytes]:
        status, first, uri, *_ = scan(line + b"\r\n\r\n")
        return status, first, uri

    def refused(self, *lines: bytes) -> None:
        for line in lines:
            self.assertRaises(MessageError, scan, line + b"\r\nTo: a\r\n\r\n")

    def test_a_request(self) -> None:
        self.assertEqual(self.start(b"INVITE sip:a@b SIP/2.0"), (0, b"INVITE", b"sip:a@b"))

    def test_a_response(self) -> None:
        self.assertEqual(self.start(b"SIP/2.0 404 Not Found"), (404, b"SIP/2.0 404 Not Found", b""))

    def test_a_reason_may_be_missing(self) -> None:
        self.assertEqual(self.start(b"SIP/2.0 100 "), (100, b"SIP/2.0 100 ", b""))
        self.assertEqual(self.start(b"SIP/2.0 100"), (100, b"SIP/2.0 100", b""))

    def test_a_reason_is_any_text(self) -> None:
        self.assertEqual(self.start(b"SIP/2.0 200 = 2**3  \xd0\xbd"), (200, b"SIP/2.0 200 = 2**3  \xd0\xbd", b""))

    def test_the_version_is_read_without_case(self) -> None:
        self.assertEqual(self.start(b"INVITE sip:a sip/2.0"), (0, b"INVITE", b"sip:a"))
        self.assertEqual(self.start(b"sip/2.0 200 OK"), (200, b"SIP/2.0 200 OK", b""))

    def test_other_versions(self) -> None:
        self.refused(b"INVITE sip:a SIP/3.0", b"INVITE sip:a SIP/2.00", b"SIP/2.1 200 OK", b"GET / HTTP/1.1")

    def test_requests_that_are_none(self) -> None:
        self.refused(b"", b"INVITE", b"INVITE sip:a", b"INVITE SIP/2.0", b" INVITE sip:a SIP/2.0", b"INVITE  SIP/2.0")

    def test_white_space_that_is_one_too_many(self) -> None:
        self.refused(
            b"INVITE  sip:a SIP/2.0", b"INVITE sip:a  SIP/2.0", b"INVITE sip:a SIP/2.0 ", b"INVITE\tsip:a SIP/2.0"
        )
        self.refused(b"INVITE sip:a b SIP/2.0", b"INVITE sip:a\tb SIP/2.0", b"SIP/2.0  200 OK", b"SIP/2.0\t200 OK")

    def test_status_codes_that_are_none(self) -> None:
        for code in (b"099", b"700", b"000", b"-20", b"+20", b"2_0", b"20", b"2000", b"\xd9\xa2\xd9\xa0", b"2 0", b""):
            self.refused(b"SIP/2.0 " + code + b" OK")


class HeaderTests(SynchronousTestCase):
    """RFC 3261 7.3."""

    def lines(self, block: bytes) -> list[tuple[str, bytes]]:
        *_, keys, lines, body = scan(b"X sip:a SIP/2.0\r\n" + block + b"\r\nbody")
        self.assertEqual(body, len(block) + 19)
        return list(zip(keys, lines, strict=True))

    def refused(self, *blocks: bytes) -> None:
        for block in blocks:
            self.assertRaises(MessageError, scan, b"X sip:a SIP/2.0\r\n" + block + b"\r\n")

    def test_none(self) -> None:
        self.assertEqual(self.lines(b""), [])

    def test_names_have_no_case(self) -> None:
        found = self.lines(b"FROM: 1\r\nfRoM: 2\r\nx-YZ: 3\r\n")
        self.assertEqual(found, [("from", b"FROM: 1"), ("from", b"fRoM: 2"), ("x-yz", b"x-YZ: 3")])

    def test_compact_forms(self) -> None:
        found = self.lines(b"v: 1\r\nF: 2\r\nl:3\r\nT :4\r\n")
        self.assertEqual([key for key, _ in found], ["via", "from", "content-length", "to"])

    def test_white_space_before_the_colon(self) -> None:
        found = self.lines(b"Via : 1\r\nTo\t:2\r\nX-Y \t : 3\r\n")
        self.assertEqual(found, [("via", b"Via : 1"), ("to", b"To\t:2"), ("x-y", b"X-Y \t : 3")])

    def test_folded_lines_are_one(self) -> None:
        found = self.lines(b"To:\r\n a\r\n\tb\r\nFrom: c\r\n")
        self.assertEqual(found, [("to", b"To:\r\n a\r\n\tb"), ("from", b"From: c")])
        self.assertEqual(self.lines(b"Y-Z: a\r\n To: b\r\n"), [("y-z", b"Y-Z: a\r\n To: b")])

    def test_a_folded_line_may_be_the_last(self) -> None:
        self.assertEqual(self.lines(b"To: a\r\n \r\n"), [("to", b"To: a\r\n ")])

    def test_the_first_line_cannot_be_folded(self) -> None:
        self.refused(b" To: a\r\n", b"\t\r\n")

    def test_empty_values(self) -> None:
        self.assertEqual(self.lines(b"Subject:\r\ns:\r\n"), [("subject", b"Subject:"), ("subject", b"s:")])

    def test_names_that_are_none(self) -> None:
        self.refused(
            b": a\r\n", b"To\r\n", b"T o: a\r\n", b"T\xc3\xb6: a\r\n", b"To\0: a\r\n", b"To\x0b: a\r\n", b"<: a\r\n"
        )

    def test_only_white_space_and_tab_stand_before_the_colon(self) -> None:
        for char in (b"\x0b", b"\x0c", b"\x1f", b"\xa0", b"\xc2\xa0", b"\x85", b"\0"):
            self.refused(b"Via" + char + b": a\r\n")

    def test_cr_or_lf_alone(self) -> None:
        for text in (b"\r", b"\n", b"\n\r", b"\r\r", b"\n ", b"\r ", b"\r\r\n ", b"\n\r\n "):
            self.refused(
                b"To: a" + text + b"b\r\n", b"To: a\r\nX: " + text + b"Route: <sip:evil>\r\n", text + b"To: a\r\n"
            )

    def test_cr_or_lf_alone_at_the_ends(self) -> None:
        self.refused(b"To: a\r\r\n", b"To: a\n\r\n", b"\rTo: a\r\n")
        self.assertRaises(MessageError, scan, b"X sip:a SIP/2.0\n\r\nTo: a\r\n\r\n")
        self.assertRaises(MessageError, scan, b"X sip:a\r SIP/2.0\r\nTo: a\r\n\r\n")

    def test_lines_that_end_in_lf_only(self) -> None:
        self.assertRaises(MessageError, scan, INVITE.replace(b"\r\n", b"\n"))
        self.assertRaises(MessageError, scan, INVITE.replace(b"\r\n", b"\n").replace(b"\n\n", b"\r\n\r\n"))

    def test_the_body_may_hold_anything(self) -> None:
        data = OK + b"\r\r\n\n\0\r\n\r\nVia: x"
        self.assertEqual(scan(data)[-1], len(OK))

    def test_no_empty_line(self) -> None:
        for end in range(len(OK)):
            self.assertRaises(MessageError, scan, OK[:end])


class LimitTests(SynchronousTestCase):
    """Nothing is unbounded."""

    def test_header_block(self) -> None:
        start = b"X sip:a SIP/2.0\r\nX: "
        data = start + b"x" * (MAX_HEADER_BLOCK - len(start)) + b"\r\n\r\nbody"
        self.assertEqual(scan(data)[-1], MAX_HEADER_BLOCK + 4)
        self.assertRaises(MessageError, scan, data.replace(b"x\r\n", b"xx\r\n"))

    def test_the_error_tells_too_long_from_cut_off(self) -> None:
        self.assertIn("first 32768", str(self.assertRaises(MessageError, scan, b"x" * 40_000)))
        self.assertIn("after the header", str(self.assertRaises(MessageError, scan, b"x" * 30_000)))

    def test_number_of_headers(self) -> None:
        start = b"X sip:a SIP/2.0\r\n"
        self.assertEqual(len(scan(start + b"X: y\r\n" * MAX_HEADERS + b"\r\n")[3]), MAX_HEADERS)
        for line in (b"X: y\r\n", b"Via: y\r\n", b"x : y\r\n z\r\n"):
            self.assertRaises(MessageError, scan, start + line * (MAX_HEADERS + 1) + b"\r\n")

    def test_folds_do_not_count(self) -> None:
        self.assertEqual(len(scan(b"X sip:a SIP/2.0\r\nX: y\r\n" + b" z\r\n" * 1000 + b"\r\n")[3]), 1)


class PropertyTests(SynchronousTestCase):
    @given(messages())
    def test_what_is_scanned_makes_the_message_again(self, data: bytes) -> None:
        *_, keys, lines, body = scan(data)
        self.assertEqual(len(keys), len(lines))
        start = data[: data.index(b"\r\n")]
        self.assertEqual(b"\r\n".join((start, *lines, b"", data[body:])), data)

    @given(st.sampled_from([b"", b"X sip:a SIP/2.0\r\n", b"SIP/2.0 200 OK\r\nX: "]), anything)
    def test_any_bytes_are_scanned_or_refused(self, start: bytes, rest: bytes) -> None:
        try:
            *_, keys, lines, _ = scan(start + rest + b"\r\n\r\n")
        except MessageError:
            return
        self.assertEqual(len(keys), len(lines))
        for line in lines:
            self.assertNotIn(b"\n", line.replace(b"\r\n ", b"").replace(b"\r\n\t", b""))
            self.assertNotIn(b"\r", line.replace(b"\r\n ", b"").replace(b"\r\n\t", b""))
