"""Responses that nobody asked for, that lie, or that come again and again."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Maxfwd, Sl
from sipexpress.sip.message import Request
from sipexpress.testing import IncomingCall, Phone, RouterTestCase
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, silent

VICTIM = "10.9.9.9"


def lines_of(request: Request, *keys: str) -> list[bytes]:
    """Header lines as a response copies them."""
    return [line for key, line in request.header_lines() if key in (keys or ("via", "from", "to", "call-id", "cseq"))]


def response(status: int, lines: list[bytes]) -> bytes:
    """A response of these lines."""
    return b"\r\n".join([b"SIP/2.0 %d Whatever" % status, *lines, b"Content-Length: 0\r\n\r\n"])


class BranchTests(CallCase):
    """A callee that answers what it likes."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(Plain)
        (self.bob,) = self.phones("bob", silent)
        self.alice = self.phone("alice")
        self.call = self.alice.invite("bob")
        self.clock.advance(0.1)
        self.invite = self.bob.calls[0].request

    def answer(self, status: int, lines: list[bytes]) -> None:
        self.bob.send_raw(response(status, lines), HERE)
        self.clock.advance(0.1)

    def test_the_callers_via_is_missing(self) -> None:
        """Such a response can go nowhere; the transaction must not wait for another one for ever."""
        lines = lines_of(self.invite)
        for status in (180, 200, 486):
            self.answer(status, [lines[0], *lines[2:]])
        self.assertEqual(self.call.statuses, [100])
        self.assertEqual(self.server.counters["stray_responses"], 3)
        self.clock.advance(60)
        self.assertEqual(self.call.status, 408)
        self.clock.advance(60)
        self.assert_empty()

    def test_a_cseq_that_is_none(self) -> None:
        """It is dropped before it is matched: neither the caller nor the transaction sees it."""
        lines = [line for line in lines_of(self.invite) if not line.startswith(b"CSeq")]
        for number, cseq in enumerate((b"x INVITE", b"1", b"-1 INVITE", b"4294967296 INVITE", b"1 IN VITE"), 1):
            self.answer(180, [*lines, b"CSeq: " + cseq])
            self.assertEqual(self.server.counters["malformed"], number, cseq)
        self.assertEqual(self.call.statuses, [100])

    def test_another_via_sends_nothing_elsewhere(self) -> None:
        self.phone("victim", VICTIM)
        lines = lines_of(self.invite)
        lines[1] = b"Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKx;received=10.9.9.9;rport=5060"
        self.answer(200, lines)
        self.assertEqual(self.wire.sent("SIP/2.0 200", HERE)[-1].destination, self.alice.address)

    def test_a_guessed_branch(self) -> None:
        lines = lines_of(self.invite)
        lines[0] = b"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK0-0123456789abcdef;rport"
        before = len(self.wire.sent("", HERE))
        self.answer(200, lines)
        self.assertEqual(len(self.wire.sent("", HERE)), before)
        self.assertEqual(self.server.counters["stray_responses"], 1)

    def test_a_2xx_that_is_replayed_is_passed_on_once_for_each(self) -> None:
        lines = lines_of(self.invite)
        lines.append(b"Contact: <sip:bob@10.0.1.1>")
        for _ in range(50):
            self.answer(200, lines)
        self.assertEqual(len(self.wire.sent("SIP/2.0 200", HERE)) - 1, 50)
        self.clock.advance(33)
        self.answer(200, lines)
        self.assertEqual(len(self.wire.sent("SIP/2.0 200", HERE)) - 1, 50)
        self.assert_empty()

    def test_an_answer_to_a_cancel_that_was_never_sent(self) -> None:
        lines = [line.replace(b"1 INVITE", b"1 CANCEL") for line in lines_of(self.invite)]
        self.answer(200, lines)
        self.assertEqual(self.call.statuses, [100])
        self.bob.calls[0].reject()
        self.clock.advance(1)
        self.assertEqual(self.call.status, 486)

    def test_an_answer_to_a_cancel_does_not_end_the_invite(self) -> None:
        self.bob.calls[0].ring()
        self.clock.advance(0.1)
        self.bob.received = lambda data, flow: None  # type: ignore[method-assign]
        self.call.cancel()
        self.clock.advance(0.1)
        self.answer(200, [line.replace(b"1 INVITE", b"1 CANCEL") for line in lines_of(self.invite)])
        self.assertEqual(self.call.status, 180)
        self.clock.advance(40)
        self.assertEqual(self.call.status, 487)
        self.clock.advance(40)
        self.assert_empty()

    def test_thousands_of_provisional_responses(self) -> None:
        lines = lines_of(self.invite)
        for number in range(2000):
            self.bob.send_raw(response(181 + number % 18, lines), HERE)
        self.clock.advance(0.1)
        self.assertEqual((self.server.servers.count, self.server.clients.count), (1, 1))
        self.bob.calls[0].reject()
        self.clock.advance(250)
        self.assertEqual(self.call.status, 486)
        self.assert_empty()


class LargeTests(CallCase):
    """Messages that just fit, and do not any more once the server has added something."""

    def test_an_invite_at_the_limit_of_headers_can_be_refused_and_canceled(self) -> None:
        self.server = self.serve(Plain)
        bob, carol = self.phones("bob", silent) + self.phones("carol", IncomingCall.ring)
        alice = self.phone("alice")
        for phone in (bob, carol):
            phone.received = self.reader(phone)  # type: ignore[method-assign]
        for size in (32_500, 32_600, 32_700):
            refused = alice.invite("bob", [("X", "y" * (size - 500))])
            self.clock.advance(0.1)
            canceled = alice.invite("carol", [("X", "y" * (size - 500))])
            self.clock.advance(0.1)
            canceled.cancel()
            self.clock.advance(40)
            self.assertNotIn(0, (refused.status, canceled.status), size)
            self.clock.advance(250)
        many = alice.invite("bob", [("X", "y")] * 246)
        self.clock.advance(300)
        self.assertEqual(many.status, 486)
        self.assertEqual(self.server.counters["malformed"], 0)
        self.assert_empty()

    def reader(self, phone: Phone) -> Any:
        """Refuses an INVITE for bob, rings for carol, answers a CANCEL; whatever its size."""

        def received(data: bytes, flow: Any) -> None:
            head = data[:40]
            kept = [line for line in data.split(b"\r\n") if line[:4] in (b"Via:", b"From", b"To: ", b"Call", b"CSeq")]
            kept = [line + b";tag=1" if line.startswith(b"To: ") and b"tag" not in line else line for line in kept]
            if head.startswith(b"INVITE"):
                flow.send(response(486 if phone.user == "bob" else 180, kept))
                self.invites = kept
            elif head.startswith(b"CANCEL"):
                flow.send(response(200, kept))
                flow.send(response(487, self.invites))

        return received

    def test_challenges_that_do_not_fit_into_one_response(self) -> None:
        self.server = self.serve(Plain)
        big = ("WWW-Authenticate", 'Digest realm="' + "x" * 20_000 + '"')
        self.phones("bob", *[lambda call: call.reply(401, headers=[big])] * 3)
        alice = self.phone("alice")
        alice.received = lambda data, flow: None  # type: ignore[method-assign]
        alice.invite("bob")
        self.clock.advance(100)
        self.assertEqual(self.wire.sent("SIP/2.0 401", HERE)[0].destination, alice.address)
        self.assert_empty()


class StatelessTests(RouterTestCase):
    """Responses without a transaction are forwarded only where a request of that very sender came from."""

    class Balancer(sipexpress.Router):
        maxfwd = use(Maxfwd)

        def route(self) -> None:
            if self.maxfwd.mf_process_maxfwd_header(10):
                self.forward("10.0.1.2")

    class Refusing(sipexpress.Router):
        sl = use(Sl)

        def route(self) -> None:
            self.sl.sl_send_reply(404, "Not Found")

    def to_victim(self) -> int:
        return len([packet for packet in self.wire.packets if packet.destination[0] == VICTIM])

    def test_tags_of_replies_are_no_branches(self) -> None:
        """A peer chooses the texts that a To tag is made of: no choice may give the check value of a branch."""
        self.serve(self.Refusing)
        self.phone("victim", VICTIM)
        mallory = self.phone("mallory")
        asking = mallory._new("MESSAGE", "sip:x@10.0.0.1", [], b"").split(b"\r\n")
        asking = [line for line in asking if line[:4] not in (b"Via:", b"Call", b"From")]
        asking[1:1] = [
            b"Via: SIP/2.0/UDP 10.0.1.1:5060;branch=stateless",
            b"Call-ID: abcdefgh\0z9hG4bKvictim\0call\0ftag",
            b"From: <sip:a@b>;tag=1",
        ]
        mallory.send_raw(b"\r\n".join(asking), HERE)
        self.clock.advance(0.1)
        (reply,) = self.wire.sent("SIP/2.0 404")
        tag = reply.data.partition(b"To: ")[2].partition(b";tag=")[2].partition(b"\r\n")[0]
        self.assertEqual(len(tag), 16)
        forged = [
            b"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKsx.abcdefgh." + tag,
            b"Via: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKvictim",
            b"From: <sip:a@b>;tag=ftag",
            b"To: <sip:c@d>",
            b"Call-ID: call",
            b"CSeq: 1 INVITE",
        ]
        mallory.send_raw(response(200, forged), HERE)
        self.clock.advance(0.1)
        self.assertEqual(self.to_victim(), 0)

    def test_a_response_cannot_be_aimed_elsewhere(self) -> None:
        server = self.serve(self.Balancer)
        self.phone("victim", VICTIM)
        alice, mallory = self.phone("alice"), self.phone("mallory")
        mallory.on_call = silent
        alice.invite("mallory")
        self.clock.advance(0.1)
        via, own, *others = lines_of(mallory.calls[0].request)
        for edited in (
            own.replace(b"received=10.0.1.1", b"received=10.9.9.9"),
            own.replace(b"10.0.1.1:5060;", b"10.9.9.9:5060;"),
            own.replace(b"received=10.0.1.1;", b"").replace(b"10.0.1.1:5060;", b"10.9.9.9:5060;"),
            own.replace(b"rport=5060", b"rport=99"),
            own.replace(b"rport=5060", b"rport=99999999"),
            own.replace(b"rport=5060", b"rport=" + b"9" * 5000),
            own.replace(b"UDP", b"TCP"),
            own.replace(b"10.0.1.1", b"victim.example"),
        ):
            self.assertNotEqual(edited, own)
            mallory.send_raw(response(200, [via, edited, *others]), HERE)
            self.clock.advance(0.1)
            self.assertEqual(self.wire.sent("SIP/2.0", HERE), [], edited)
        self.assertEqual(server.counters["stray_responses"], 8)
        mallory.send_raw(response(200, [via, own, *others]), HERE)
        self.clock.advance(0.1)
        self.assertEqual(self.wire.sent("SIP/2.0 200", HERE)[-1].destination, alice.address)
