"""tel: URIs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import UriError
from sipexpress.sip.tel import TelUri
from sipexpress.sip.uri import parse_uri

EQUAL = (
    ("tel:+1-201-555-0123", "tel:+12015550123"),
    ("tel:+1(201)555.0123", "tel:+12015550123"),
    ("TEL:+1", "tel:+1"),
    ("tel:7042;phone-context=example.com", "tel:7042;phone-context=EXAMPLE.com"),
    ("tel:863-1234;phone-context=+1-914-555", "tel:8631234;phone-context=+1914555"),
    ("tel:+1;ext=1-2", "tel:+1;ext=12"),
    ("tel:+1;a=B;c", "tel:+1;C;A=b"),
    ("tel:12ab*#;phone-context=x", "tel:12AB*#;phone-context=x"),
    ("tel:+1;isub=12;phone-context=x", "tel:+1;phone-context=x;isub=12"),
)
DIFFERENT = (
    ("tel:+1", "tel:1"),
    ("tel:+12", "tel:+13"),
    ("tel:7042;phone-context=example.com", "tel:7042;phone-context=example.org"),
    ("tel:7042;phone-context=example.com", "tel:7042"),
    ("tel:7042;phone-context=a-b.com", "tel:7042;phone-context=ab.com"),
    ("tel:+1;ext=1", "tel:+1;ext=2"),
    ("tel:+1;ext=1", "tel:+1"),
    ("tel:+1;a", "tel:+1;a=b"),
    ("tel:+1;a", "tel:+1;a="),
)


class TelTests(SynchronousTestCase):
    """RFC 3966."""

    def test_equal_numbers(self) -> None:
        """RFC 3966 4: separators, case and the order of parameters do not matter."""
        for one, other in EQUAL:
            self.assertEqual(parse_uri(one), parse_uri(other))
            self.assertEqual(hash(parse_uri(one)), hash(parse_uri(other)), one)

    def test_different_numbers(self) -> None:
        for one, other in DIFFERENT:
            self.assertNotEqual(parse_uri(one), parse_uri(other))

    def test_parts(self) -> None:
        uri = TelUri.parse("tel:+358-555-1234567;phone-context=+1234;vnd.company.option=foo")
        self.assertEqual((uri.scheme, uri.number, uri.digits), ("tel", "+358-555-1234567", "+3585551234567"))
        self.assertEqual((uri.param("phone-context"), uri.param("vnd.company.option")), ("+1234", "foo"))
        self.assertIsNone(uri.param("ext"))

    def test_what_is_written_is_what_was_read(self) -> None:
        for text in ("tel:+1-201-555-0123", "TEL:911", "tel:7042;PHONE-Context=example.com", "tel:*#06#"):
            self.assertEqual(str(parse_uri(text)), text)

    def test_what_is_none(self) -> None:
        for text in (
            *(
                "tel:",
                "tel:+",
                "tel:-",
                "tel:+-.()",
                "tel:()",
                "tel:+1;",
                "tel:+1;;a",
                "tel:+1;=a",
                "tel:+1 2",
                "tel:+1a",
            ),
            *("tel:+*1", "tel:1g", "tel:1+2", "tel:\u0661", "tel:+\u0661", "tel:1;a=b,c", "tel:1;a\n", "tel:1\n"),
        ):
            self.assertRaises(UriError, parse_uri, text)
            self.assertRaises(UriError, TelUri.parse, text)

    @given(st.text("0123456789", min_size=1), st.lists(st.sampled_from("-.()"), max_size=10), st.booleans(), st.data())
    def test_separators_may_stand_anywhere(
        self, digits: str, marks: list[str], plus: bool, data: st.DataObject
    ) -> None:
        number = digits
        for mark in marks:
            at = data.draw(st.integers(0, len(number)))
            number = number[:at] + mark + number[at:]
        sign = "+" if plus else ""
        uri = TelUri.parse(f"tel:{sign}{number}")
        self.assertEqual(uri.digits, sign + digits)
        self.assertEqual(uri, TelUri.parse(f"tel:{sign}{digits}"))
