"""Requests and responses as a whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError, MessageError, UriError
from sipexpress.sip.message import MAX_BODY, Request, Response, parse_message
from sipexpress.sip.scan import MAX_HEADERS
from sipexpress.sip.via import split_first
from tests.sip.samples import INVITE, OK, framed, invite, messages, request, response


class RequestTests(SynchronousTestCase):
    """RFC 3261 7.1."""

    def test_parts(self) -> None:
        message = invite()
        self.assertIsInstance(message, Request)
        self.assertEqual(
            (message.method, message.raw_uri, str(message.uri)), ("INVITE", b"sip:bob@biloxi.com", "sip:bob@biloxi.com")
        )
        self.assertEqual(
            (message.from_.display, message.from_tag, message.to.tag, message.to_tag),
            ("Alice", b"1928301774", None, None),
        )
        self.assertEqual((message.call_id, message.cseq), (b"a84b4c76e66710@pc33.atlanta.com", (314159, "INVITE")))
        self.assertEqual((message.via.host, message.via.branch), ("pc33.atlanta.com", "z9hG4bK776asdhds"))
        self.assertEqual(
            ([one.uri_text for one in message.contacts], message.contact_star), (["sip:alice@pc33.atlanta.com"], False)
        )
        self.assertEqual(message.body, b"v=0\n")

    def test_methods(self) -> None:
        for method in ("ACK", "NEWMETHOD", "invite", "!interesting-Method0123456789_*+`.%indeed'~"):
            message = parse_message(method.encode() + b" sip:a SIP/2.0\r\n\r\n")
            assert isinstance(message, Request)
            self.assertEqual(message.method, method)

    def test_methods_that_are_none(self) -> None:
        for method in (b"INV/ITE", b"<x>", b"\xc3\xa4", b"A;B", b"A:B", b"A\x0b", b"A\0", b'"A"'):
            self.assertRaises(MessageError, parse_message, method + b" sip:a SIP/2.0\r\n\r\n")

    def test_headers_that_are_missing(self) -> None:
        message = request(b"X-Y: z")
        for name in ("from_", "to", "cseq", "via"):
            self.assertIn("has no", str(self.assertRaises(HeaderError, getattr, message, name)))
        self.assertEqual((message.call_id, message.from_tag, message.to_tag, message.contacts), (b"", None, None, []))

    def test_all_contacts(self) -> None:
        message = request(b'm: "a,b" <sip:c>;q=1 , sip:d', b"Contact: <sip:e>")
        self.assertEqual([one.uri_text for one in message.contacts], ["sip:c", "sip:d", "sip:e"])

    def test_contact_star(self) -> None:
        for line in (b"Contact: *", b"m:*", b"Contact:\r\n *"):
            message = request(line)
            self.assertEqual((message.contact_star, message.contacts), (True, []), line)
        self.assertFalse(request(b"Contact: <sip:*@a>").contact_star)

    def test_a_bad_request_uri_is_told_when_it_is_asked_for(self) -> None:
        message = request(b"To: a", uri=b"<sip:a>")
        self.assertRaises(UriError, getattr, message, "uri")

    def test_line_ends_before_it(self) -> None:
        """RFC 3261 7.5."""
        message = parse_message(b"\r\n\r\n" + INVITE)
        self.assertEqual(message.to_bytes(), INVITE)

    def test_nothing_at_all(self) -> None:
        for data in (b"", b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"\0\0\0\0", b"\0" * 100):
            self.assertRaises(MessageError, parse_message, data)


class RequestUriTests(SynchronousTestCase):
    """Rewriting."""

    def test_it_is_visible(self) -> None:
        message = invite()
        self.assertEqual(str(message.uri), "sip:bob@biloxi.com")
        message.set_uri("sip:carol@chicago.com")
        self.assertEqual((str(message.uri), message.raw_uri), ("sip:carol@chicago.com", b"sip:carol@chicago.com"))
        self.assertEqual(message.original_uri, b"sip:bob@biloxi.com")
        self.assertEqual(message.to_bytes(), INVITE.replace(b"sip:bob@biloxi.com", b"sip:carol@chicago.com", 1))

    def test_it_can_be_undone(self) -> None:
        message = invite()
        message.set_uri("sip:carol@chicago.com")
        message.set_uri(b"sip:bob@biloxi.com")
        self.assertEqual(message.to_bytes(), INVITE)

    def test_what_would_make_another_message(self) -> None:
        for uri in ("", "sip:a b", "sip:a SIP/2.0\r\nX: y", "sip:a\r\n", "sip:a\t", "sip:\0", "sip:a\x7f", "\ud800"):
            message = invite()
            self.assertRaises(HeaderError, message.set_uri, uri)
            self.assertEqual(message.to_bytes(), INVITE)

    def test_lines_on_top(self) -> None:
        message = invite()
        sent = message.to_bytes(b"Via: SIP/2.0/UDP proxy;branch=z9")
        start, rest = INVITE.split(b"\r\n", 1)
        self.assertEqual(sent, start + b"\r\nVia: SIP/2.0/UDP proxy;branch=z9\r\n" + rest)
        self.assertEqual(message.via.host, "pc33.atlanta.com")
        self.assertEqual(message.to_bytes(), INVITE)


class ResponseTests(SynchronousTestCase):
    """RFC 3261 7.2 and 16.7 step 3."""

    def test_parts(self) -> None:
        message = parse_message(OK)
        assert isinstance(message, Response)
        self.assertEqual((message.status, message.reason, message.to_tag), (200, "OK", b"a6c85cf"))

    def test_the_top_via_goes(self) -> None:
        message = response(b"To: a", b"Via: SIP/2.0/UDP a", b"v: SIP/2.0/UDP b", b"X: y")
        self.assertEqual(message.without_via(), b"SIP/2.0 200 OK\r\nTo: a\r\nv: SIP/2.0/UDP b\r\nX: y\r\n\r\n")

    def test_the_first_of_a_list_goes(self) -> None:
        message = response(b'v: SIP/2.0/UDP a;x="," , SIP/2.0/UDP b,SIP/2.0/UDP c', b"X: y")
        self.assertEqual(_vias(message.without_via()), [b"SIP/2.0/UDP b", b"SIP/2.0/UDP c"])
        message = response(b"Via: SIP/2.0/UDP a,\r\n SIP/2.0/UDP b")
        self.assertEqual(_vias(message.without_via()), [b"SIP/2.0/UDP b"])

    def test_the_last_one_is_ours(self) -> None:
        for lines in ([b"Via: SIP/2.0/UDP a"], [b'Via: SIP/2.0/UDP a;x=","'], [b"Via: SIP/2.0/UDP a,"], [b"v: a, "]):
            self.assertIsNone(response(b"To: b", *lines, b"X: y").without_via(), lines)

    def test_there_is_none(self) -> None:
        self.assertIsNone(response(b"To: b").without_via())
        message = response(b"Via: SIP/2.0/UDP a", b"Via: SIP/2.0/UDP b")
        message.remove("Via")
        self.assertIsNone(message.without_via())

    def test_edits_are_in_it(self) -> None:
        message = response(b"Via: SIP/2.0/UDP a", b"Via: SIP/2.0/UDP b", b"To: c")
        message.set("To", "d")
        message.add("X-Y", "z")
        message.body = b"new"
        self.assertEqual(
            message.without_via(),
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP b\r\nTo: d\r\nX-Y: z\r\nContent-Length: 3\r\n\r\nnew",
        )
        self.assertEqual(_vias(message.to_bytes()), [b"SIP/2.0/UDP a", b"SIP/2.0/UDP b"])

    def test_a_full_message_can_still_be_edited(self) -> None:
        lines = [b"Via: SIP/2.0/UDP a", b"Via: SIP/2.0/UDP b"]
        message = response(*lines, *[b"X-Y: z"] * (MAX_HEADERS - 2))
        message.add("X-Y", "z")
        self.assertTrue(
            (message.without_via() or b"").startswith(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP b\r\nX-Y: z\r\n")
        )

    vias = st.lists(
        st.lists(
            st.sampled_from([b"SIP/2.0/UDP a;branch=z9hG4bK1", b'SIP/2.0/TCP b;x=","', b"SIP/2.0/TLS [::1]:5061"]),
            min_size=1,
            max_size=3,
        ),
        min_size=1,
        max_size=3,
    )

    @given(vias, st.sampled_from([b",", b", ", b" ,\t", b",\r\n "]), st.booleans())
    def test_one_via_less(self, lists: list[list[bytes]], comma: bytes, edited: bool) -> None:
        message = response(b"To: x", *(b"Via: " + comma.join(items) for items in lists), b"X-Y: z")
        before = message.header_list("via")
        if edited:
            message.set("X-Y", "new")
        after = message.without_via()
        if len(before) == 1:
            self.assertIsNone(after)
        else:
            self.assertEqual(_vias(after), before[1:])
            assert after is not None
            other = parse_message(after)
            self.assertEqual((other.header("to"), other.header("x-y")), (b"x", b"new" if edited else b"z"))
        self.assertEqual(split_first(message.header_values("via")[0])[0], before[0])


class BodyTests(SynchronousTestCase):
    """RFC 3261 18.3 and the traps of Content-Length."""

    def parsed(self, *lines: bytes) -> bytes:
        return request(*lines, body=b"12345").body

    def test_without_length_it_runs_to_the_end(self) -> None:
        self.assertEqual(self.parsed(b"To: a"), b"12345")

    def test_what_is_beyond_is_cut(self) -> None:
        message = request(b"l: 3", body=b"12345")
        self.assertEqual(message.body, b"123")
        self.assertTrue(message.to_bytes().endswith(b"\r\n\r\n123"))
        self.assertEqual(self.parsed(b"Content-Length: 0"), b"")

    def test_spellings(self) -> None:
        for line in (b"Content-Length:5", b"l : 05 \t", b"L:\r\n 5", b"l: 5\r\n ", b"CONTENT-LENGTH:\r\n\t5\r\n "):
            self.assertEqual(self.parsed(line), b"12345")
        self.assertEqual(self.parsed(b"l: 4", b"Content-Length: 4"), b"1234")

    def test_more_than_there_is(self) -> None:
        for text in (b"6", b"65536", b"9999999999", b"4294967301", b"1" + b"0" * 30, b"1" + b"0" * 5000):
            self.assertRaises(MessageError, self.parsed, b"Content-Length: " + text)

    def test_two_different(self) -> None:
        self.assertRaises(MessageError, self.parsed, b"Content-Length: 5", b"l: 4")
        self.assertRaises(MessageError, self.parsed, b"l: 4", b"To: a", b"l: 4", b"L: 5")

    def test_numbers_that_are_none(self) -> None:
        for text in (
            b"+5",
            b"-5",
            b"-999",
            b"1_0",
            b"5.0",
            b"0x5",
            b"5 5",
            b"5,5",
            b"5;x",
            b"",
            b"5\x0b",
            b"5e0",
            b"5\0",
            b"5\r\n 0",
        ):
            self.assertRaises(MessageError, self.parsed, b"Content-Length: " + text)

    def test_digits_of_other_scripts(self) -> None:
        for text in ("\u0665", "\u00b2", "\uff15"):
            self.assertRaises(MessageError, self.parsed, b"Content-Length: " + text.encode())

    def test_limit(self) -> None:
        self.assertEqual(len(request(b"To: a", body=b"x" * MAX_BODY).body), MAX_BODY)
        self.assertRaises(MessageError, request, b"To: a", body=b"x" * (MAX_BODY + 1))
        self.assertRaises(MessageError, request, b"l: 65537", body=b"x" * (MAX_BODY + 1))
        self.assertEqual(request(b"l: 5", body=b"x" * (MAX_BODY + 1)).body, b"xxxxx")


class PropertyTests(SynchronousTestCase):
    @given(messages() | framed())
    def test_what_is_read_is_written(self, data: bytes) -> None:
        message = parse_message(data)
        self.assertEqual(message.to_bytes(), data)
        if isinstance(message, Request):
            self.assertEqual(message.copy().to_bytes(), data)

    @given(messages())
    def test_edits_that_are_undone_leave_no_trace(self, data: bytes) -> None:
        message = parse_message(data)
        message.add("X-Undone", "x", top=True)
        message.add("X-Undone", "y")
        message.remove("x-undone")
        again = parse_message(message.to_bytes())
        self.assertEqual(again.header_lines(), parse_message(data).header_lines())
        # The start line is written anew; the version is then in upper case.
        self.assertEqual(message.to_bytes().split(b"\r\n", 1)[1], data.split(b"\r\n", 1)[1])

    @given(framed(), st.binary(max_size=20))
    def test_what_follows_a_message_is_no_part_of_it(self, data: bytes, rest: bytes) -> None:
        self.assertEqual(parse_message(data + rest).to_bytes(), data)


def _vias(data: bytes | None) -> list[bytes]:
    return parse_message(data or b"").header_list("via")
