"""Which requests belong together (RFC 3261 17.2.3)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.sip.message import Request, parse_message
from sipexpress.transaction.keys import server_key

COOKIE = "SIP/2.0/UDP client.example:5060;branch=z9hG4bK87asdks7"
OLD = "SIP/2.0/UDP client.example:5060"


def request(
    method: str = "INVITE",
    via: str = COOKIE,
    uri: str = "sip:bob@example.org",
    from_: str = "<sip:alice@example.org>;tag=88sja8x",
    to: str = "<sip:bob@example.org>",
    call_id: str = "987asjd97y7atg",
    cseq: str = "986759",
) -> Request:
    """A request; each argument is one of the things that a key may depend on."""
    lines = (
        f"{method} {uri} SIP/2.0",
        *(f"Via: {value}" for value in via.split("\n")),
        "Max-Forwards: 70",
        f"From: {from_}",
        f"To: {to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        "Content-Length: 0",
    )
    message = parse_message(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert isinstance(message, Request)
    return message


def key(message: Request) -> bytes:
    """The key, as the server asks for it: that of the INVITE for an ACK or CANCEL."""
    return server_key(message, message.via, message.method in ("ACK", "CANCEL"))


class CookieTests(SynchronousTestCase):
    """Branches that begin with the magic cookie: branch, sent-by and method, and nothing else."""

    def assert_same(self, one: Request, other: Request) -> None:
        self.assertEqual(key(one), key(other))

    def assert_different(self, one: Request, other: Request) -> None:
        self.assertNotEqual(key(one), key(other))

    def test_whatever_else_the_message_says(self) -> None:
        other = request(
            uri="sip:carol@example.org",
            from_="<sip:x@y>;tag=1",
            to="<sip:b@c>;tag=2",
            call_id="other",
            cseq="1",
            via=COOKIE + ";rport=1;received=192.0.2.1\nSIP/2.0/UDP other.example;branch=z9hG4bKother",
        )
        self.assert_same(request(), other)

    def test_another_branch(self) -> None:
        self.assert_different(request(), request(via=COOKIE + "x"))

    def test_case_does_not_count(self) -> None:
        """IST-15. Tokens and host names compare without case (7.3.1), the cookie included."""
        for via in (COOKIE.upper(), COOKIE.replace("client", "Client"), COOKIE.replace("z9hG4bK", "Z9HG4BK")):
            self.assert_same(request(), request(via=via))

    def test_another_sent_by(self) -> None:
        """IST-13."""
        for sent_by in ("other.example:5060", "client.example:5062", "192.0.2.1:5060", "[2001:db8::1]:5060"):
            self.assert_different(request(), request(via=COOKIE.replace("client.example:5060", sent_by)))

    def test_the_transport_is_no_part_of_the_sent_by(self) -> None:
        self.assert_same(request(), request(via=COOKIE.replace("UDP", "TCP")))

    def test_another_method(self) -> None:
        """IST-14."""
        keys = {key(request(method)) for method in ("INVITE", "OPTIONS", "BYE", "REGISTER", "EXTENSION")}
        self.assertEqual(len(keys), 5)

    def test_methods_do_compare_with_case(self) -> None:
        """RFC 3261 7.1."""
        self.assert_different(request("INVITE"), request("invite"))

    def test_ack_and_cancel_go_with_their_invite(self) -> None:
        self.assert_same(request(), request("ACK", to="<sip:bob@example.org>;tag=99sa0xk"))
        self.assert_same(request(), request("CANCEL"))

    def test_a_cancel_has_a_transaction_of_its_own_too(self) -> None:
        cancel = request("CANCEL")
        self.assertNotEqual(server_key(cancel, cancel.via, False), key(request()))

    def test_the_parts_do_not_run_into_each_other(self) -> None:
        """Moving a letter from one part to the next makes another key."""
        one = request(via="SIP/2.0/UDP b.example:50;branch=z9hG4bKa")
        other = request(via="SIP/2.0/UDP .example:50;branch=z9hG4bKab")
        self.assert_different(one, other)
        one = request(via="SIP/2.0/UDP a.example:5060;branch=z9hG4bKa")
        other = request(via="SIP/2.0/UDP a.example:506;branch=z9hG4bKa")
        self.assert_different(one, other)

    @settings(deadline=None, max_examples=200)
    @given(st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=20))
    def test_any_branch(self, rest: str) -> None:
        via = f"SIP/2.0/UDP client.example;branch=z9hG4bK{rest}"
        swapped = f"SIP/2.0/UDP client.example;branch=z9hG4bK{rest.swapcase()}"
        self.assert_same(request(via=via), request(via=swapped))
        self.assert_different(request(via=via), request(via=via + "1"))


class OldTests(SynchronousTestCase):
    """No cookie: the fields that RFC 2543 goes by (IST-12)."""

    def old(self, method: str = "INVITE", via: str = OLD, **fields: str) -> bytes:
        return key(request(method, via, **fields))

    def test_a_retransmission(self) -> None:
        for via in (OLD, OLD + ";branch=1", OLD + ";branch=z9hG4bK", OLD + ";branch=xz9hG4bK1"):
            self.assertEqual(self.old(via=via), self.old(via=via))

    def test_each_field_counts(self) -> None:
        others = {
            self.old(),
            self.old("BYE"),
            self.old(via=OLD + ";branch=1"),
            self.old(via=OLD + ";branch=2"),
            self.old(via=OLD.replace("client", "other")),
            self.old(uri="sip:carol@example.org"),
            self.old(from_="<sip:alice@example.org>;tag=other"),
            self.old(from_="<sip:alice@example.org>"),
            self.old(call_id="other"),
            self.old(cseq="986760"),
        }
        self.assertEqual(len(others), 10)

    def test_the_rest_does_not(self) -> None:
        other = self.old(from_='"Alice" <sip:alice@example.org>;tag=88sja8x', to="Bob <sip:bob@example.org>")
        self.assertEqual(self.old(), other)

    def test_ack_and_cancel_go_with_their_invite(self) -> None:
        for via in (OLD, OLD + ";branch=1"):
            invite = self.old(via=via)
            self.assertEqual(self.old("ACK", via, to="<sip:bob@example.org>;tag=99sa0xk"), invite)
            self.assertEqual(self.old("CANCEL", via), invite)

    def test_an_ack_for_a_2xx_does_not(self) -> None:
        """It goes to the Contact of the other end."""
        self.assertNotEqual(self.old("ACK", uri="sip:bob@192.0.2.4"), self.old())

    def test_only_the_top_via_counts(self) -> None:
        """A proxy's ACK for a failure carries its own Via only, its INVITE those of the hops before as well."""
        below = "SIP/2.0/UDP phone.example;branch=2"
        for via in (f"{OLD};branch=1\n{below}", f"{OLD};branch=1, {below}", f"{OLD};branch=1 ,{below}"):
            self.assertEqual(self.old(via=via), self.old("ACK", via=f"{OLD};branch=1"))

    def test_the_to_tag_tells_two_requests_in_two_dialogs_apart(self) -> None:
        """A fork was answered twice, and both calls are hung up with the same CSeq."""
        one, other = (self.old("BYE", to=f"<sip:bob@example.org>;tag={tag}") for tag in ("one", "other"))
        self.assertNotEqual(one, other)

    def test_the_cookie_alone_is_no_branch(self) -> None:
        """It tells no two requests of a client apart."""
        via = OLD + ";branch=z9hG4bK"
        self.assertNotEqual(self.old(via=via), self.old(via=via, call_id="other"))

    def test_it_is_never_a_key_of_the_other_kind(self) -> None:
        self.assertNotEqual(self.old(via=OLD + ";branch=z9hG4bK"), self.old(via=OLD + ";branch=z9hG4bKz"))

    def test_the_request_uri_is_the_one_that_came_in(self) -> None:
        message = request(via=OLD)
        before = key(message)
        message.raw_uri = b"sip:bob@192.0.2.4"
        self.assertEqual(key(message), before)
