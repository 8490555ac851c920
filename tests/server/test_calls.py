"""Calls through the server: the way there and back."""

from __future__ import annotations

from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain


class CallTests(RouterTestCase):
    def test_call_and_hang_up(self) -> None:
        server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 180])
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].acknowledged)
        bye = call.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)
        self.clock.advance(64)
        self.assertEqual((server.servers.count, server.clients.count), (0, 0))

    def test_callee_hangs_up(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        alice.invite("bob")
        self.clock.advance(1)
        bye = bob.calls[0].dialog.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)
        self.assertEqual(alice.requests[-1].method, "BYE")

    def test_busy_is_acknowledged_hop_by_hop(self) -> None:
        server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.reject
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 486)
        self.assertEqual([request.method for request in bob.requests], ["INVITE", "ACK"])
        self.clock.advance(64)
        self.assertEqual((server.servers.count, server.clients.count), (0, 0))

    def test_unknown_user(self) -> None:
        self.serve(Plain)
        call = self.phone("alice").invite("nobody")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [404])

    def test_over_tcp(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        bye = call.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)
        self.assertEqual({packet.protocol for packet in self.wire.packets}, {"TCP"})

    def test_from_udp_to_tcp(self) -> None:
        self.serve(Plain)
        (alice,) = self.registered("alice")
        (bob,) = self.registered("bob", protocol="TCP")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        # Two Record-Route entries, one for each transport (RFC 5658).
        self.assertEqual(len(call.dialog.routes), 2)
        bye = bob.calls[0].dialog.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)
        hangup = call.bye()
        self.clock.advance(1)
        self.assertEqual(hangup.status, 200)


class LossTests(RouterTestCase):
    def test_one_packet_in_four_is_lost(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        self.wire.loss = 0.25
        call = alice.invite("bob")
        self.clock.advance(31)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].acknowledged)
        self.assertEqual(len(bob.calls), 1)

    def test_duplicates_and_reordering(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        self.wire.duplicates = 1.0
        self.wire.jitter = 0.2
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(10)
        self.assertEqual(call.status, 200)
        self.assertEqual(len(bob.calls), 1)
        bye = call.bye()
        self.clock.advance(10)
        self.assertEqual(bye.statuses, [200])
