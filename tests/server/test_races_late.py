"""CANCELs that are repeated, lost, odd, or from elsewhere (RFC 3261 9)."""

from __future__ import annotations

from typing import Any

from sipexpress.sip.compose import compose_cancel
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, methods


class LateTests(CallCase):
    """Repeated, lost, and from elsewhere."""

    def test_retransmitted(self) -> None:
        """CAN-06: the same answer again, and nothing more downstream."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        cancel = compose_cancel(call.request.raw)
        for _ in range(3):
            alice.send_raw(cancel, HERE)
            self.clock.advance(0.3)
        answers = [packet.data for packet in self.to(alice, "SIP/2.0 200") if b" CANCEL\r\n" in packet.data]
        self.assertEqual(len(answers), 3)
        self.assertEqual(len(set(answers)), 1)
        self.assertEqual(methods(bob).count("CANCEL"), 1)
        self.assertEqual(call.status, 487)

    def test_retransmitted_after_the_transaction_is_confirmed(self) -> None:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(3)
        again = call.cancel()
        self.clock.advance(0.1)
        self.assertEqual((again.status, call.statuses.count(487)), (200, 1))
        self.assertEqual(methods(bob), ["INVITE", "CANCEL", "ACK"])

    def test_lost_on_the_way_to_the_callee(self) -> None:
        self.server = self.serve(Plain)
        alice, _ = self.registered("alice", "bob")
        lost = list[Any]()

        def lose_two(packet: Any) -> bool:
            if packet.start_line.startswith("CANCEL") and packet.source == HERE and len(lost) < 2:
                lost.append(packet)
                return True
            return False

        self.wire.lose = lose_two
        call = alice.invite("bob")
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(1.4)
        self.assertEqual(call.status, 180)
        self.clock.advance(1)
        self.assertEqual(call.status, 487)
        self.assert_empty()

    def test_the_callee_never_ends_the_canceled_invite(self) -> None:
        """CAN-08: after 64*T1 the branch is given up."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        bob.socket.stop()
        call.cancel()
        self.clock.advance(31.5)
        self.assertEqual(call.status, 180)
        self.clock.advance(1)
        self.assertEqual(call.status, 487)
        self.assert_empty()

    def test_its_shape(self) -> None:
        """CAN-02: what the CANCEL for a branch looks like (9.1)."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob", [("Require", "timer"), ("Proxy-Require", "x"), ("Route", "<sip:10.0.0.1;lr>")])
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(1)
        invite, cancel = bob.requests[:2]
        self.assertEqual(cancel.raw_uri, invite.raw_uri)
        self.assertEqual(cancel.header_values("via"), invite.header_values("via")[:1])
        for name in ("route", "from", "to", "call-id"):
            self.assertEqual(cancel.header_values(name), invite.header_values(name), name)
        self.assertEqual((cancel.cseq.number, cancel.cseq.method), (invite.cseq.number, "CANCEL"))
        self.assertFalse(cancel.has_header("require") or cancel.has_header("proxy-require"))
        self.assertEqual(cancel.body, b"")

    def test_of_another_transaction_of_the_same_phone(self) -> None:
        """CAN-09: neither with another CSeq nor with another From tag."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        good = compose_cancel(call.request.raw)
        alice.send_raw(good.replace(b"CSeq: 1 ", b"CSeq: 2 "), HERE)
        alice.send_raw(good.replace(b";tag=", b";tag=x"), HERE)
        self.clock.advance(1)
        self.assertEqual(call.status, 180)
        self.assertEqual(methods(bob), ["INVITE"])

    def test_for_something_else_than_an_invite(self) -> None:
        """CAN-11: it cancels nothing."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        held = list[Any]()
        bob.on_request = held.append
        message = alice.request("MESSAGE", "bob")
        self.clock.advance(0.2)
        alice.send_raw(compose_cancel(message.request.raw), HERE)
        self.clock.advance(0.2)
        held[0].reply(200)
        self.clock.advance(0.2)
        self.assertEqual(message.status, 200)

    def test_over_tcp_only_the_connection_of_the_invite_may(self) -> None:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        neighbor = self.phone("carol", alice.address[0], 5070, protocol="TCP")
        call = alice.invite("bob")
        self.clock.advance(1)
        neighbor.send_raw(compose_cancel(call.request.raw), HERE)
        self.clock.advance(1)
        self.assertEqual(call.status, 180)
        self.assertEqual(methods(bob), ["INVITE"])

    def test_over_a_new_connection_when_that_of_the_invite_is_gone(self) -> None:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        call = alice.invite("bob")
        self.clock.advance(1)
        first: Any = alice.socket.flow_to(HERE)
        first.close()
        alice.send_raw(compose_cancel(call.request.raw), HERE)
        self.clock.advance(1)
        self.assertTrue(bob.calls[0].canceled)
        self.assertEqual(methods(bob), ["INVITE", "CANCEL", "ACK"])

    def test_over_another_transport(self) -> None:
        """The INVITE came over UDP: a connection from the same address is another hop."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        neighbor = self.phone("carol", alice.address[0], 5070, protocol="TCP")
        call = alice.invite("bob")
        self.clock.advance(0.2)
        neighbor.send_raw(compose_cancel(call.request.raw), HERE)
        self.clock.advance(0.2)
        self.assertEqual((call.status, methods(bob)), (180, ["INVITE"]))
        self.assertEqual(self.server.counters["foreign_cancels"], 1)
