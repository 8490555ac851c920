"""Messages that a proxy writes itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError
from sipexpress.sip.compose import compose_ack, compose_cancel, compose_reply, received_via
from sipexpress.sip.message import Request, Response, parse_message
from sipexpress.sip.via import Via, split_first
from tests.sip.samples import INVITE, invite, request, response


def reply(asked: Request, code: int = 200, reason: str = "OK", tag: bytes | None = b"t", *rest: object) -> Response:
    message = parse_message(compose_reply(asked, code, reason, tag, *rest))  # type: ignore[arg-type]
    assert isinstance(message, Response)
    return message


class ReplyTests(SynchronousTestCase):
    """RFC 3261 8.2.6."""

    def test_what_is_copied(self) -> None:
        asked = request(
            b"Via: SIP/2.0/UDP a",
            b"v: SIP/2.0/UDP b,\r\n SIP/2.0/UDP c",
            b"f: x",
            b"T: y",
            b"i: 1",
            b"CSEQ: 2 X",
            b"Z: z",
        )
        got = reply(asked, 404, "Not Found")
        self.assertEqual((got.status, got.reason, got.body), (404, "Not Found", b""))
        lines = [
            b"Via: SIP/2.0/UDP a",
            b"v: SIP/2.0/UDP b,\r\n SIP/2.0/UDP c",
            b"f: x",
            b"T: y;tag=t",
            b"i: 1",
            b"CSEQ: 2 X",
        ]
        self.assertEqual([line for _, line in got.header_lines()], [*lines, b"Content-Length: 0"])

    def test_edits_are_copied(self) -> None:
        asked = invite()
        asked.set("Via", "SIP/2.0/UDP new")
        self.assertEqual(reply(asked).header_values("via"), [b"SIP/2.0/UDP new"])

    def test_a_tag_is_added_once(self) -> None:
        asked = request(b"To: <sip:a@b>;tag=old")
        self.assertEqual(reply(asked).to_tag, b"old")
        for line in (
            b"To: <sip:a@b>",
            b"To: sip:a@b",
            b'To: ";tag=x" <sip:a@b;tag=y>',
            b"t:\r\n <sip:a@b>\r\n ",
            b"To: <sip:a@b> \t",
        ):
            got = reply(request(line))
            self.assertEqual((got.to_tag, got.to.tag), (b"t", "t"), line)

    def test_100_has_no_tag_of_ours(self) -> None:
        self.assertIsNone(reply(invite(), 100, "Trying").to_tag)
        self.assertIsNone(reply(invite(), 200, "OK", None).to_tag)

    def test_record_route(self) -> None:
        """RFC 3261 12.1.1: in what makes a dialog."""
        asked = request(b"To: a", b"Record-Route: <sip:a;lr>", b"record-route: <sip:b;lr>,<sip:c;lr>")
        for code in (180, 183, 200, 202, 299):
            self.assertEqual(
                reply(asked, code).header_list("record-route"), [b"<sip:a;lr>", b"<sip:b;lr>", b"<sip:c;lr>"]
            )
        for code in (100, 302, 404, 500, 603):
            self.assertFalse(reply(asked, code).has_header("record-route"))

    def test_timestamp(self) -> None:
        """RFC 3261 8.2.6.1: in a 100."""
        asked = request(b"Timestamp: 54")
        self.assertEqual(reply(asked, 100).header("timestamp"), b"54")
        self.assertFalse(reply(asked, 180).has_header("timestamp"))

    def test_extra_and_body(self) -> None:
        got = reply(invite(), 200, "OK", b"t", [b"Server: x", b"Contact: <sip:y>"], b"v=0\n")
        self.assertEqual((got.header("server"), str(got.contacts[0]), got.body), (b"x", "<sip:y>", b"v=0\n"))

    def test_a_reason_makes_no_headers(self) -> None:
        for reason in ("OK\r\nContact: <sip:evil>", "a\n", "\r", "a\0"):
            self.assertRaises(HeaderError, compose_reply, invite(), 200, reason, None)
        self.assertRaises(HeaderError, compose_reply, invite(), 200, "\ud800", None)

    def test_any_other_reason(self) -> None:
        for reason in ("", "= 2**3 * 5**2 \u043d\u043e", "\udcff"):
            self.assertEqual(reply(invite(), 200, reason).reason, reason)


class AckTests(SynchronousTestCase):
    """RFC 3261 17.1.1.3."""

    sent = INVITE.replace(
        b"Max-Forwards: 70",
        b"Via: SIP/2.0/UDP next;branch=b\r\nRoute: <sip:r;lr>\r\nroute: <sip:s;lr>\r\nMax-Forwards: 69",
    )

    def test_ack(self) -> None:
        answer = response(b"To: Bob <sip:bob@biloxi.com>;tag=their", b"Via: SIP/2.0/UDP other")
        self.assertEqual(
            compose_ack(self.sent, answer),
            b"ACK sip:bob@biloxi.com SIP/2.0\r\n"
            b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n"
            b"Route: <sip:r;lr>\r\n"
            b"route: <sip:s;lr>\r\n"
            b"Max-Forwards: 70\r\n"
            b"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
            b"To: Bob <sip:bob@biloxi.com>;tag=their\r\n"
            b"Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n"
            b"CSeq: 314159 ACK\r\n"
            b"Content-Length: 0\r\n\r\n",
        )

    def test_ack_for_a_reply_without_to(self) -> None:
        ack = parse_message(compose_ack(self.sent, response(b"X: y")))
        self.assertEqual(ack.header_values("to"), [b"Bob <sip:bob@biloxi.com>"])

    def test_cancel(self) -> None:
        """RFC 3261 9.1: as the INVITE, but for the method."""
        cancel = parse_message(compose_cancel(self.sent, [b"Reason: SIP;cause=200"]))
        sent = parse_message(self.sent)
        assert isinstance(cancel, Request)
        assert isinstance(sent, Request)
        self.assertEqual((cancel.method, cancel.cseq, cancel.raw_uri), ("CANCEL", (314159, "CANCEL"), sent.raw_uri))
        self.assertEqual(cancel.lines("via"), sent.lines("via")[:1])
        for key in ("route", "from", "to", "call-id"):
            self.assertEqual(cancel.lines(key), sent.lines(key))
        for key in ("contact", "content-type", "require", "proxy-require"):
            self.assertEqual(cancel.lines(key), [])
        self.assertEqual((cancel.header("reason"), cancel.body), (b"SIP;cause=200", b""))


class ReceivedTests(SynchronousTestCase):
    """RFC 3261 18.2.1, RFC 3581 4."""

    def written(self, via: bytes, port: int | None = 5071) -> bytes:
        return received_via(request(b"Via: " + via), "192.0.2.9", port)

    def test_received(self) -> None:
        self.assertEqual(
            self.written(b"SIP/2.0/UDP h;branch=a", None), b"Via: SIP/2.0/UDP h;branch=a;received=192.0.2.9"
        )

    def test_rport(self) -> None:
        for via in (
            b"SIP/2.0/UDP h;rport;branch=a",
            b"SIP/2.0/UDP h;branch=a;RPort ",
            b"SIP/2.0/UDP h;branch=a; rport = 1",
        ):
            line = self.written(via)
            self.assertEqual(line, b"Via: SIP/2.0/UDP h;branch=a;received=192.0.2.9;rport=5071")

    def test_what_the_sender_wrote_is_replaced(self) -> None:
        line = self.written(b"SIP/2.0/UDP h;received=10.0.0.1;Received = 10.0.0.2;rport=1;branch=a")
        self.assertEqual(line, b"Via: SIP/2.0/UDP h;branch=a;received=192.0.2.9;rport=5071")

    def test_the_others_of_the_list_stay(self) -> None:
        line = self.written(b"SIP/2.0/UDP h;branch=a , SIP/2.0/TCP i;received=1,SIP/2.0/UDP j")
        self.assertTrue(line.endswith(b";rport=5071, SIP/2.0/TCP i;received=1,SIP/2.0/UDP j"))

    def test_folded(self) -> None:
        line = self.written(b"SIP/2.0/UDP h\r\n ;rport\r\n ;branch=a,\r\n SIP/2.0/UDP i")
        self.assertNotIn(b"\n", line)
        self.assertEqual(Via.parse(line[5:]).branch, "a")

    def test_quoted_strings_stay_whole(self) -> None:
        line = self.written(b'SIP/2.0/UDP h;x="a;received=1,\\";rport";branch=a, SIP/2.0/UDP i')
        self.assertEqual(
            line, b'Via: SIP/2.0/UDP h;x="a;received=1,\\";rport";branch=a;received=192.0.2.9;rport=5071, SIP/2.0/UDP i'
        )

    def test_only_the_first_via_changes(self) -> None:
        asked = request(b"v: SIP/2.0/UDP h;branch=a", b"Via: SIP/2.0/UDP i")
        asked.replace_first("via", received_via(asked, "2001:db8::1", 5060))
        self.assertEqual(asked.via.received, "2001:db8::1")
        self.assertEqual(asked.header_values("via")[1:], [b"SIP/2.0/UDP i"])

    params = st.lists(
        st.sampled_from(
            [
                ";branch=z9hG4bKa",
                ";x",
                ';y="a;b"',
                ';z="\\";received=1,"',
                ";received=10.0.0.1",
                ";rport",
                "; RPORT = 7",
                ";ttl=1",
            ]
        ),
        max_size=6,
    ).map("".join)

    @given(
        params,
        st.sampled_from(["", ",SIP/2.0/UDP i;received=3", ' , SIP/2.0/TCP j;x=","']),
        st.none() | st.integers(1, 65535),
    )
    def test_all_else_is_kept(self, params: str, rest: str, port: int | None) -> None:
        value = f"SIP/2.0/UDP h:5066{params}{rest}".encode()
        written = self.written(value, port)[5:]
        old, new = Via.parse(value), Via.parse(written)
        kept = [pair for pair in old.params if pair[0] not in ("received", "rport")]
        mine = [("received", "192.0.2.9")] if port is None else [("received", "192.0.2.9"), ("rport", str(port))]
        self.assertEqual(list(new.params), kept + mine)
        self.assertEqual((new.host, new.port, new.transport), (old.host, old.port, old.transport))
        self.assertEqual(split_first(written)[1].strip(), split_first(value)[1].strip())
