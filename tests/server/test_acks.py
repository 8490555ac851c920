"""ACK: absorbed for a failure, passed on for a 2xx, answered never (RFC 3261 13.2.2.4, 17.1.1.3, 17.2.1)."""

from __future__ import annotations

from sipexpress import use
from sipexpress.modules import Tm
from sipexpress.sip.compose import compose_ack
from sipexpress.testing import IncomingCall, OutgoingCall, Phone
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, methods, reject


class FailureTests(CallCase):
    """The ACK for 300 to 699 is between neighbors."""

    def test_the_servers_own_ack(self) -> None:
        """ICT-07."""
        self.server = self.serve(Plain)
        alice = self.phone("alice")
        (bob,) = self.phones("bob", reject(486))
        alice.invite("bob", body=b"v=0\r\n")
        self.clock.advance(1)
        invite, ack = bob.requests
        self.assertEqual(ack.raw_uri, invite.raw_uri)
        self.assertEqual(ack.header_values("via"), invite.header_values("via")[:1])
        for name in ("from", "call-id"):
            self.assertEqual(ack.header(name), invite.header(name))
        self.assertEqual(ack.to_tag, bob.calls[0].tag)
        self.assertEqual((ack.cseq.number, ack.cseq.method), (1, "ACK"))
        self.assertEqual(ack.body, b"")
        self.assertEqual(self.to(bob, "ACK"), self.wire.sent("ACK", HERE))

    def test_a_repeated_failure_is_acknowledged_again_and_passed_on_once(self) -> None:
        """ICT-08."""
        self.server = self.serve(Plain)
        alice = self.phone("alice")
        self.phones("bob", reject(486))
        self.wire.lose = lambda packet: packet.start_line.startswith("ACK") and packet.source == HERE
        call = alice.invite("bob")
        self.clock.advance(3.8)
        acks = self.wire.sent("ACK", HERE)
        self.assertEqual(len(acks), 4)
        self.assertEqual(len({packet.data for packet in acks}), 1)
        self.assertEqual(call.statuses, [100, 486])
        self.assertEqual(len(self.to(alice, "SIP/2.0 486")), 1)
        self.wire.lose = lambda packet: False
        self.assert_empty()

    def test_more_acks_are_absorbed(self) -> None:
        """IST-06, IST-07: none is passed on, none starts a route."""
        self.server = self.serve(Plain)
        alice = self.phone("alice")
        self.phones("bob", reject(486))
        alice.invite("bob")
        self.clock.advance(1)
        (ack,) = self.wire.sent("ACK", alice.address)
        for _ in range(3):
            alice.send_raw(ack.data, HERE)
            self.clock.advance(0.5)
        self.assertEqual(len(self.wire.sent("ACK", HERE)), 1)
        self.assertEqual(len(self.to(alice, "SIP/2.0 486")), 1)
        self.assert_empty()

    def test_an_ack_of_another_branch_does_not_stop_the_failure(self) -> None:
        """ACK-04."""
        self.server = self.serve(Plain)
        alice = self.phone("alice")
        self.phones("bob", reject(486))
        self.wire.lose = lambda packet: packet.start_line.startswith("ACK") and b"wrong" not in packet.data
        alice.invite("bob")
        self.clock.advance(0.2)
        (ack,) = self.wire.sent("ACK", alice.address)
        alice.send_raw(ack.data.replace(b"branch=z9hG4bK", b"branch=z9hG4bKwrong"), HERE)
        self.clock.advance(3.5)
        self.assertEqual(len(self.to(alice, "SIP/2.0 486")), 4)
        self.wire.lose = lambda packet: False
        self.assert_empty()

    def test_an_ack_that_comes_too_early_ends_nothing(self) -> None:
        """There is nothing to acknowledge yet: the call goes on."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(0.2)
        alice.send_raw(compose_ack(call.request.raw, call.response), HERE)
        self.clock.advance(0.2)
        bob.calls[0].answer()
        self.clock.advance(0.2)
        self.assertEqual(call.statuses, [100, 180, 200])
        self.assert_empty()

    def test_a_failure_over_tcp_is_sent_once_and_its_ack_ends_it(self) -> None:
        """IST-08."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        bob.on_call = reject(486)
        alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(len([packet for packet in self.wire.sent("SIP/2.0 486") if packet.source[0] == HERE[0]]), 1)
        self.assertEqual((self.server.servers.count, self.server.clients.count), (0, 0))

    def test_a_failure_over_tcp_without_ack_is_kept_for_64_t1(self) -> None:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        bob.on_call = reject(486)
        call = alice.invite("bob")
        alice._clients.clear()
        self.clock.advance(30)
        self.assertEqual(call.statuses, [])
        self.assertEqual(self.server.servers.count, 1)
        self.assert_empty()


class SuccessTests(CallCase):
    """The ACK for a 2xx goes to the other end."""

    def answered(self) -> tuple[Phone, Phone, OutgoingCall]:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        return alice, bob, call

    def test_it_goes_along_the_dialog_without_a_transaction(self) -> None:
        """ACK-01."""
        _, bob, _ = self.answered()
        ack = bob.requests[-1]
        self.assertEqual(ack.method, "ACK")
        self.assertEqual(ack.raw_uri, b"sip:bob@10.0.1.2:5060")
        self.assertFalse(ack.has_header("route"))
        self.assertEqual(ack.header("max-forwards"), b"69")
        self.assertEqual(self.server.clients.count, 1)  # the INVITE's

    def test_with_a_body(self) -> None:
        """ACK-05: an answer to a late offer."""
        alice, bob, call = self.answered()
        alice.send_raw(_ack(call, b"v=0\r\ns=late\r\n"), HERE)
        self.clock.advance(1)
        self.assertEqual(bob.requests[-1].body, b"v=0\r\ns=late\r\n")

    def test_its_last_hop_is_dropped_in_silence(self) -> None:
        """ACK-06: no 483."""
        alice, bob, call = self.answered()
        before = len(self.to(alice)), len(bob.requests)
        alice.send_raw(_ack(call).replace(b"Max-Forwards: 70", b"Max-Forwards: 0"), HERE)
        self.clock.advance(1)
        self.assertEqual((len(self.to(alice)), len(bob.requests)), before)

    def test_it_is_not_answered_whatever_the_route_does(self) -> None:
        """ACK-02, ACK-07: 404, 483 and the rest are for requests that can be answered."""
        self.server = self.serve(Plain)
        alice = self.phone("alice")
        for uri in ("sip:nobody@10.0.0.1", "sip:10.0.0.1", "sip:bob@10.9.9.9"):
            alice.send_raw(alice._new("ACK", uri, [("Proxy-Require", "x")], b""), HERE)
        self.clock.advance(5)
        self.assertEqual(self.to(alice), [])
        self.assert_empty()

    def test_a_raising_route_does_not_answer_it_either(self) -> None:
        class Raising(Plain):
            async def route(self) -> None:
                raise ValueError(self.method)

        self.server = self.serve(Raising)
        alice = self.phone("alice")
        alice.send_raw(alice._new("ACK", "sip:bob@10.0.0.1", [], b""), HERE)
        self.clock.advance(1)
        self.assertEqual(self.to(alice), [])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_with_the_branch_of_the_invite(self) -> None:
        """IST-10: old phones do so; in Accepted it is for the route (RFC 6026 7.1)."""
        alice, bob, call = self.answered()
        same = _ack(call)
        branch = call.request.via.branch or ""
        alice.send_raw(same.replace(b"branch=" + _branch(same), b"branch=" + branch.encode()), HERE)
        self.clock.advance(1)
        self.assertEqual(methods(bob), ["INVITE", "ACK", "ACK"])

    def test_the_retransmitted_invite_of_an_answered_call_is_absorbed(self) -> None:
        """IST-09: no second call, no second answer of the server's."""
        alice, bob, call = self.answered()
        before = len(self.to(alice))
        alice.send_raw(call.request.raw, HERE)
        self.clock.advance(1)
        self.assertEqual((len(bob.calls), len(self.to(alice))), (1, before))

    def test_for_a_2xx_of_the_servers_own(self) -> None:
        class Answering(Plain):
            tm = use(Tm)

            async def route(self) -> None:
                seen.append(self.method)
                self.tm.t_reply(200, "OK")

        seen = list[str]()
        self.server = self.serve(Answering)
        alice = self.phone("alice")
        data = alice._new("INVITE", "sip:bob@10.0.0.1", [], b"")
        exchange = alice.send(data, HERE)
        self.clock.advance(0.2)
        ack = data.replace(b"INVITE", b"ACK").replace(b"branch=z9hG4bK", b"branch=z9hG4bKack")
        tag = exchange.response.to_tag or b""
        alice.send_raw(ack.replace(b"To: <sip:bob@10.0.0.1>", b"To: <sip:bob@10.0.0.1>;tag=" + tag), HERE)
        self.clock.advance(5)
        self.assertEqual(len(self.to(alice, "SIP/2.0 200")), 1)
        self.assertEqual(seen, ["INVITE"])
        self.assert_empty()


def _ack(call: OutgoingCall, body: bytes = b"") -> bytes:
    dialog = call.dialog
    return call.phone.compose(
        "ACK", dialog.target, dialog.local, dialog.remote, dialog.call_id, 1, (), body, dialog.routes
    )


def _branch(data: bytes) -> bytes:
    return data.partition(b"branch=")[2].partition(b";")[0]
