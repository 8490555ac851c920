"""Addresses with names and parameters, and tags."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError, UriError
from sipexpress.sip.nameaddr import NameAddr, parse_list, tag_of
from tests.sip.samples import anything


class NameAddrTests(SynchronousTestCase):
    """RFC 3261 20.10, 20.20, 25.1."""

    def test_forms(self) -> None:
        for text, display, uri, params in (
            (b"<sip:a@b>", "", "sip:a@b", ()),
            (b"sip:a@b", "", "sip:a@b", ()),
            (b"sip:a@b;tag=1", "", "sip:a@b", (("tag", "1"),)),
            (b"<sip:a@b;x=1>;tag=1", "", "sip:a@b;x=1", (("tag", "1"),)),
            (b"Bob <sip:a@b>", "Bob", "sip:a@b", ()),
            (b"Bob Ross<sip:a@b> ;tag = 1", "Bob Ross", "sip:a@b", (("tag", "1"),)),
            (b'"Bob, <the> \\"Ross\\"" <sip:a@b>', 'Bob, <the> "Ross"', "sip:a@b", ()),
            (b'"\\\\"<sip:a@b>', "\\", "sip:a@b", ()),
            (b'"" <sip:a@b>', "", "sip:a@b", ()),
            (b"token1~` token2'+_ token3*%!.- <sip:a@b>", "token1~` token2'+_ token3*%!.-", "sip:a@b", ()),
            (b"\xc3\xa4 <sip:a@b>", "\u00e4", "sip:a@b", ()),
            (b'"\xff" <sip:a@b>', "\udcff", "sip:a@b", ()),
            (b'<sip:a@b>;x=">;tag=evil";tag=1', "", "sip:a@b", (("x", '">;tag=evil"'), ("tag", "1"))),
            (b" \t<sip:a@b>\t", "", "sip:a@b", ()),
            (b"<sip:a,b@c?x=1>;q=0.5", "", "sip:a,b@c?x=1", (("q", "0.5"),)),
            (b"<tel:+1>", "", "tel:+1", ()),
        ):
            address = NameAddr.parse(text)
            self.assertEqual((address.display, address.uri_text, address.params), (display, uri, params), text)
            str(address.uri)

    def test_what_is_none(self) -> None:
        for text in (
            *(b"", b" ", b"<>", b"< >", b"<sip:a", b"sip:a>", b'"Bob', b'"Bob"', b'"Bob" sip:a@b', b'"Bob" x <sip:a>'),
            *(b'Bob "x" <sip:a>', b"Bob, Ross <sip:a@b>", b"sip:a@b, sip:c", b"sip:a b", b"<sip:a>x", b"<sip:a>;"),
            *(
                b"<sip:a>;;tag=1",
                b"<sip:a>;tag=1 x",
                b"<sip:a><sip:b>",
                b"<<sip:a>>",
                b'"a\\" <sip:a>',
                b'"Mr. User <sip:a>',
            ),
            *(b";tag=1", b"<sip:a>;tag=<", b"Bob; <sip:a>", b'sip:a"b', b'sip:a";tag=1', b'<sip:a"b>'),
        ):
            self.assertRaises(HeaderError, NameAddr.parse, text)

    def test_a_bad_uri_is_told_when_it_is_asked_for(self) -> None:
        address = NameAddr.parse(b"<sip:a b>;tag=1")
        self.assertEqual(address.tag, "1")
        self.assertRaises(UriError, getattr, address, "uri")

    def test_params(self) -> None:
        address = NameAddr.parse(b"<sip:a>;Expires=5;flag")
        self.assertEqual((address.param("expires"), address.param("flag"), address.param("q")), ("5", "", None))

    def test_names_are_quoted_when_written(self) -> None:
        self.assertEqual(
            str(NameAddr('a "b" \\', "sip:a@b", (("tag", "1"), ("x", None)))), '"a \\"b\\" \\\\" <sip:a@b>;tag=1;x'
        )
        self.assertEqual(str(NameAddr("", "sip:a@b")), "<sip:a@b>")

    def test_lists(self) -> None:
        values = [b'"a,b" <sip:c,d@e>;x=",", sip:f', b"<sip:g>"]
        self.assertEqual([one.uri_text for one in parse_list(values)], ["sip:c,d@e", "sip:f", "sip:g"])
        self.assertRaises(HeaderError, parse_list, [b"<sip:a>, b c"])

    displays = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12)

    @given(displays, st.lists(st.sampled_from([("tag", "1"), ("x", None), ("y", '";,>"'), ("z", "")]), unique=True))
    def test_what_is_written_is_read(self, display: str, params: list[tuple[str, str | None]]) -> None:
        written = NameAddr(display, "sip:a@b;lr", tuple(params))
        read = NameAddr.parse(str(written).encode("utf-8", "surrogateescape"))
        self.assertEqual((read.display, read.uri_text, read.params), (display, "sip:a@b;lr", tuple(params)))


class TagTests(SynchronousTestCase):
    """The short way to the tag: a To tag decides what is taken for a part of a dialog."""

    def test_it_is_found(self) -> None:
        for text in (
            b"<sip:a@b>;tag=1",
            b"sip:a@b;tag=1",
            b"sip:a@b ; TAG\t= 1 ;x=y",
            b"Bob <sip:a@b>;x;tag=1;y",
            b'"x" <sip:a@b>;tag=1',
            b'"x;tag=2" <sip:a@b>;tag=1',
            b'"<x>;tag=2" <sip:a@b>;tag=1',
            b'"\\";tag=2" <sip:a@b>;tag=1',
            b"<sip:a@b;tag=2>;tag=1",
            b'<sip:a@b>;x=">";tag=1',
            b'<sip:a@b>;tag=1;x=">"',
            b'<sip:a@b>;x=";tag=2";tag=1',
            b"<sip:a@b>;tag=1;tag=2",
        ):
            self.assertEqual(tag_of(b"From: " + text), b"1", text)

    def test_there_is_none(self) -> None:
        for text in (
            b"",
            b"<sip:a@b>",
            b"<sip:a@b;tag=1>",
            b"<sip:a@b>;tag",
            b"<sip:a@b>;tag=",
            b"<sip:a@b>;xtag=1",
            b'";tag=1" <sip:a@b>',
            b'"\\";tag=1" <sip:a@b>',
            b'<sip:a@b>;x=";tag=1"',
            b'<sip:a@b>;x=">;tag=1"',
            b'<sip:a@b>;x="\\";tag=1"',
            b'<sip:a@b>;x=";tag=1',
            b'"Bob;tag=1 <sip:a@b>;tag=1',
        ):
            self.assertIsNone(tag_of(b"From: " + text), text)

    pieces = st.sampled_from(
        (
            *(b'"a"', b'";tag=1"', b'"\\""', b'">"', b'"<"', b"<sip:a@b>", b"<sip:a;tag=2>", b";tag=3", b"; tag = 4"),
            *(b";x", b";y=", b" ", b"sip:a", b">", b"<", b'"', b"\\", b"Bob "),
        )
    )

    @given(st.lists(pieces, max_size=8).map(b"".join))
    def test_it_is_what_the_whole_address_says(self, text: bytes) -> None:
        try:
            whole = NameAddr.parse(text).tag
        except HeaderError:
            return
        tag = tag_of(b"From: " + text)
        self.assertEqual(None if tag is None else tag.decode(), whole or None)

    @given(anything)
    def test_any_bytes(self, text: bytes) -> None:
        tag = tag_of(b"From: " + text)
        self.assertTrue(tag is None or tag in text)
