"""Elements of route sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError, ParseError, UriError
from sipexpress.sip.nameaddr import NameAddr
from sipexpress.sip.routeset import Route
from sipexpress.sip.uri import Uri
from tests.sip.samples import anything


class RouteTests(SynchronousTestCase):
    """RFC 3261 20.30 and 20.34."""

    def test_usual_ones(self) -> None:
        for raw, host, port in (
            (b"<sip:h;lr>", "h", None),
            (b"<sip:192.0.2.1:5070;lr;ftag=a;dm=12>", "192.0.2.1", 5070),
            (b"<sip:u:p@h:5060>", "h", 5060),
            (b"<sip:[2001:db8::1]:5060;lr>", "[2001:db8::1]", 5060),
            (b'"Proxy" <sip:h:5061;lr>;x=y', "h", 5061),
            (b"<SIPS:h;LR>", "h", None),
            (b"<tel:+1>", None, None),
        ):
            route = Route(raw)
            self.assertEqual((route.raw, route.host, route.port), (raw, host, port))

    def test_params(self) -> None:
        for raw in (
            b"<sip:h;lr;lrx=1;FTAG=AbC;dm=;x-lr>",
            b'"a" <sip:h;lr;lrx=1;FTAG=AbC;dm=;x-lr>',
            b"<sips:h;LR;lrx=1;ftag=aBC;dm=;x-lr>",
        ):
            route = Route(raw)
            found = [route.param(name) for name in ("lr", "lrx", "ftag", "dm", "x-lr", "x", "l", "r2")]
            self.assertEqual(found, ["", "1", "abc", "", "", None, None, None], raw)

    def test_params_of_the_header_do_not_count(self) -> None:
        route = Route(b"<sip:h>;lr")
        self.assertIsNone(route.param("lr"))

    def test_a_user_may_look_like_params(self) -> None:
        route = Route(b"<sip:x;lr@h>")
        self.assertEqual((route.host, route.param("lr")), ("h", None))

    def test_escapes_in_params(self) -> None:
        self.assertEqual(Route(b"<sip:h;%6cr>").param("lr"), "")

    def test_text(self) -> None:
        for raw in (b"<sip:u@h:5060;lr;X=%41>", b'"a" <sip:u@h:5060;lr;X=%41>;y', b"sip:u@h:5060"):
            self.assertIn(b"<" + Route(raw).text + b">", (b"<sip:u@h:5060;lr;X=%41>", b"<sip:u@h:5060>"))

    def test_what_is_none(self) -> None:
        for raw in (b"", b"<>", b"sip", b"<sip:h", b"<sip:h>x", b"<sip:h>;", b"<sip:h;lr> <sip:i>"):
            self.assertRaises((HeaderError, UriError), Route, raw)

    def test_hosts_and_ports_that_are_none(self) -> None:
        for raw in (
            b"<sip:h:0;lr>",
            b"<sip:h:65536;lr>",
            b"<sip:h:99999>",
            b"<sip:-;lr>",
            b"<sip:.;lr>",
            b"<sip:%zz@h;lr>",
        ):
            self.assertRaises(UriError, Route, raw)

    pieces = st.sampled_from(
        (
            *(
                b"a",
                b"A.b",
                b"-",
                b".",
                b"[::1]",
                b":",
                b"5060",
                b"99999",
                b"0",
                b";",
                b"lr",
                b"LR",
                b"=",
                b"%6c",
                b"%",
            ),
            *(b"@", b";lr", b";x=1", b"?", b"?y", b" ", b"\t", b"\0", b"\xff", b"\xc3\xa4", b";dm=A", b"/", b">", b"<"),
            *(b'"', b"%"),
        )
    )

    def same(self, raw: bytes) -> None:
        try:
            uri = NameAddr.parse(raw).uri
        except ParseError as error:
            if "there twice" not in str(error):
                self.assertRaises((HeaderError, UriError), Route, raw)
            return
        route = Route(raw)
        self.assertEqual(route.raw, raw)
        self.assertEqual(route.uri, uri)
        self.assertEqual(route.text, str(uri).encode("utf-8", "surrogateescape"))
        if isinstance(uri, Uri):
            self.assertEqual((route.host, route.port), (uri.host, uri.port))
        for name in ("lr", "x", "dm", "r2"):
            value = uri.param(name)
            self.assertEqual(route.param(name), None if value is None else value.lower())

    @given(st.lists(pieces, max_size=8).map(b"".join))
    def test_the_short_way_is_the_long_way(self, text: bytes) -> None:
        self.same(b"<sip:" + text + b">")

    @given(anything)
    def test_any_bytes(self, raw: bytes) -> None:
        self.same(raw)
