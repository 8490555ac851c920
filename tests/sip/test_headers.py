"""Names of header fields and comma lists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import DISPLAY, KNOWN, canonical, end_of_quoted, is_token, split_list, unfold
from tests.sip.samples import anything

# RFC 3261 7.3.3 and 20, RFC 3841, 3892, 3515, 6665, 4028, 8224.
COMPACT = {
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "s": "subject",
    "k": "supported",
    "t": "to",
    "v": "via",
    "a": "accept-contact",
    "j": "reject-contact",
    "d": "request-disposition",
    "b": "referred-by",
    "r": "refer-to",
    "o": "event",
    "u": "allow-events",
    "x": "session-expires",
    "y": "identity",
}


class NameTests(SynchronousTestCase):
    """RFC 3261 7.3.1 and 7.3.3."""

    def test_compact_forms(self) -> None:
        for short, name in COMPACT.items():
            self.assertEqual((canonical(short), canonical(short.upper())), (name, name))

    def test_no_other_letter_stands_for_a_name(self) -> None:
        for letter in "ghnpqwz":
            self.assertEqual(canonical(letter), letter)

    def test_case(self) -> None:
        for name in ("CALL-ID", "Call-ID", "call-id", "cAlL-iD", b"Call-Id"):
            self.assertEqual(canonical(name), "call-id")

    def test_names_of_others(self) -> None:
        self.assertEqual(canonical("X-My-Own"), "x-my-own")
        self.assertEqual(canonical("extensionHeader-!.%*+_`'~"), "extensionheader-!.%*+_`'~")

    def test_every_known_spelling(self) -> None:
        for raw, key in KNOWN.items():
            self.assertEqual(canonical(raw), key)
            self.assertIn(key, DISPLAY)

    def test_names_that_are_none(self) -> None:
        for name in (b"", b"a b", b"a:", b"a\r\n", b"\xff", b"a\n", "\u017fubject", "\u212a"):
            self.assertRaises(HeaderError, canonical, name)

    def test_tokens(self) -> None:
        self.assertTrue(is_token(b"aZ09-.!%*_+`'~"))
        for raw in (b"", b"a b", b"a\n", b"a;", b"a/", b"(a)", b"\x80", b'"a"', b"a\0"):
            self.assertFalse(is_token(raw), raw)


class ListTests(SynchronousTestCase):
    """RFC 3261 7.3.1, 25.1."""

    def test_elements(self) -> None:
        for text, items in (
            (b"", []),
            (b"  ", []),
            (b"a", [b"a"]),
            (b" a ,b,\tc ", [b"a", b"b", b"c"]),
            (b",a,,b, ,", [b"a", b"b"]),
            (b",,,", []),
            (b'"a,b" <sip:c>, d', [b'"a,b" <sip:c>', b"d"]),
            (b'"a\\",b" <sip:c>, d', [b'"a\\",b" <sip:c>', b"d"]),
            (b'"a\\\\",b', [b'"a\\\\"', b"b"]),
            (b"<sip:a,b@c>, <sip:d>", [b"<sip:a,b@c>", b"<sip:d>"]),
            (b'<sip:a>;x="b,c>;d", <sip:e>', [b'<sip:a>;x="b,c>;d"', b"<sip:e>"]),
            (b'a;x=",";y=",", b', [b'a;x=",";y=","', b"b"]),
        ):
            self.assertEqual(split_list(text), items, text)

    def test_what_is_not_closed_runs_to_the_end(self) -> None:
        self.assertEqual(split_list(b'a, "b, c'), [b"a", b'"b, c'])
        self.assertEqual(split_list(b'a, "b\\", c'), [b"a", b'"b\\", c'])
        self.assertEqual(split_list(b"a, <b, c"), [b"a", b"<b, c"])

    def test_ends_of_quoted_strings(self) -> None:
        for text, end in (
            (b'""', 2),
            (b'"a" b', 3),
            (b'"a\\"" b', 5),
            (b'"\\\\" "', 4),
            (b'"a', 2),
            (b'"\\', 2),
            (b'"\n"x', 3),
        ):
            self.assertEqual(end_of_quoted(text, 0), end, text)

    @given(st.lists(st.sampled_from([b"a", b"<a,b>", b'"a,b"', b'"\\","', b";x=1"]).map(bytes), min_size=1, max_size=8))
    def test_elements_come_back(self, items: list[bytes]) -> None:
        self.assertEqual(split_list(b",".join(items)), items)
        self.assertEqual(split_list(b" ,\t".join(items) + b","), items)

    @given(anything)
    def test_splitting_loses_only_commas_and_white_space(self, text: bytes) -> None:
        def rest(data: bytes) -> bytes:
            return b"".join(data.replace(b",", b"").split())

        self.assertEqual(rest(b"".join(split_list(text))), rest(text))


class UnfoldTests(SynchronousTestCase):
    """RFC 3261 7.3.1."""

    def test_lines_become_one(self) -> None:
        for text, line in (
            (b"a\r\n b", b"a b"),
            (b"a \t\r\n \t b", b"a b"),
            (b"\r\n a", b"a"),
            (b"a\r\n ", b"a"),
            (b"\r\n ", b""),
            (b"a  b\r\n c", b"a  b c"),
        ):
            self.assertEqual(unfold(text), line)
