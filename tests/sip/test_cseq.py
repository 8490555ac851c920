"""CSeq."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError
from sipexpress.sip.cseq import LIMIT, CSeq


class CSeqTests(SynchronousTestCase):
    """RFC 3261 20.16."""

    def test_parts(self) -> None:
        self.assertEqual(CSeq.parse(b"314159 INVITE"), CSeq(314159, "INVITE"))

    def test_white_space(self) -> None:
        for text in (b"0009  INVITE", b"9\tINVITE", b"9 \t INVITE", b"9\t INVITE", b"9 INVITE\t", b"9\t\tINVITE "):
            self.assertEqual(CSeq.parse(text), (9, "INVITE"), text)

    def test_methods_have_case(self) -> None:
        self.assertEqual(CSeq.parse(b"1 Invite").method, "Invite")

    def test_the_largest_number(self) -> None:
        """RFC 3261 8.1.1.5: less than 2**31."""
        self.assertEqual(CSeq.parse(b"2147483647 X").number, LIMIT - 1)
        for number in (2**31, 2**32, 2**64, 36893488147419103232):
            self.assertRaises(HeaderError, CSeq.parse, b"%d INVITE" % number)
        self.assertRaises(HeaderError, CSeq.parse, b"9" * 5000 + b" INVITE")

    def test_what_is_none(self) -> None:
        for text in (
            *(b"", b"1", b"INVITE", b"1INVITE", b"INVITE 1", b" ", b"1 ", b"+1 INVITE", b"-1 INVITE", b"1_0 INVITE"),
            *(b"1.0 INVITE", b"0x1 INVITE", b"\xd9\xa1 INVITE", b"\xb2 INVITE", b"1 IN VITE", b"1 INVITE;x", b"1 \xff"),
            *(b"1\x0bINVITE", b"1\x0b INVITE", b"1 INV\r\nITE", b"1\0 INVITE"),
        ):
            self.assertRaises(HeaderError, CSeq.parse, text)

    @given(st.integers(0, LIMIT - 1), st.text("AZaz09-.!%*_+`'~", min_size=1), st.text(" \t", min_size=1))
    def test_what_is_written_is_read(self, number: int, method: str, space: str) -> None:
        self.assertEqual(CSeq.parse(f"{number}{space}{method}".encode()), (number, method))
