"""What happens when nobody answers (RFC 3261 16.7, 16.8, 17)."""

from __future__ import annotations

from sipexpress import use
from sipexpress.modules import Tm
from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain


class Short(Plain):
    tm = use(Tm, fr_timer=5, fr_inv_timer="20")


class TimeoutTests(RouterTestCase):
    def test_no_answer_at_all(self) -> None:
        server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = lambda call: None
        call = alice.invite("bob")
        self.clock.advance(31.9)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 408])
        self.assertEqual(len(self.wire.sent("INVITE", ("10.0.0.1", 5060))), 7)
        self.clock.advance(64)
        self.assertEqual((server.servers.count, server.clients.count), (0, 0))

    def test_timer_c(self) -> None:
        """It rings for ever: after fr_inv_timer the branch is canceled (16.8)."""
        self.serve(Short)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(19)
        self.assertEqual(call.status, 180)
        self.clock.advance(2)
        self.assertTrue(bob.calls[0].canceled)
        self.assertEqual(call.status, 408)

    def test_another_provisional_restarts_timer_c(self) -> None:
        self.serve(Short)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(15)
        bob.calls[0].ring()
        self.clock.advance(15)
        self.assertFalse(bob.calls[0].canceled)
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)

    def test_fr_timer(self) -> None:
        self.serve(Short)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = lambda call: None
        call = alice.invite("bob")
        self.clock.advance(5.5)
        self.assertEqual(call.status, 408)

    def test_request_without_answer_is_not_answered_408(self) -> None:
        """RFC 4320 4.2: the client has timed out by then."""
        server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_request = lambda incoming: None
        message = alice.request("MESSAGE", "bob", body=b"hello")
        self.clock.advance(70)
        self.assertEqual(set(message.statuses), {100})
        self.assertTrue(message.timed_out)
        self.assertEqual((server.servers.count, server.clients.count), (0, 0))

    def test_100_for_a_message_comes_late(self) -> None:
        """RFC 4320 4.1: not before 3.5 seconds over UDP."""
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_request = lambda incoming: None
        message = alice.request("MESSAGE", "bob", body=b"hello")
        self.clock.advance(3.4)
        self.assertEqual(message.statuses, [])
        self.clock.advance(1)
        self.assertEqual(message.statuses, [100])

    def test_caller_never_acknowledges_a_failure(self) -> None:
        server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.reject
        self.wire.lose = lambda packet: packet.start_line.startswith("ACK") and packet.source[0] == alice.address[0]
        alice.invite("bob")
        self.clock.advance(40)
        failures = [packet for packet in self.wire.sent("SIP/2.0 486") if packet.destination == alice.address]
        self.assertEqual(len(failures), 11)
        self.assertEqual((server.servers.count, server.clients.count), (0, 0))

    def test_unreachable_target(self) -> None:
        """ICMP port unreachable: no need to wait for a timer (RFC 3261 17.1.4)."""
        self.serve(Plain)
        call = self.phone("alice").invite("sip:bob@10.9.9.9")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 500])

    def test_name_that_does_not_exist(self) -> None:
        self.serve(Plain)
        call = self.phone("alice").invite("sip:bob@nowhere.example")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 478])

    def test_tcp_connection_refused(self) -> None:
        self.serve(Plain)
        call = self.phone("alice").invite("sip:bob@10.9.9.9;transport=tcp")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 500])
