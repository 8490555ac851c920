"""CANCEL at every moment of a call (RFC 3261 9, 16.10)."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain


def silent(call: IncomingCall) -> None:
    """A phone that does nothing."""


class Slow(Plain):
    """Thinks for two seconds before it looks anybody up."""

    async def route(self) -> Any:
        if self.method == "INVITE" and self.msg.to_tag is None:
            thinking: Deferred[None] = Deferred()
            self.router.clock.callLater(2, thinking.callback, None)
            await thinking
        return await super().route()

    def __init__(self, clock: Any) -> None:
        self.clock = clock


class CancelTests(RouterTestCase):
    def methods(self, phone: Any) -> list[str]:
        return [request.method for request in phone.requests]

    def test_while_ringing(self) -> None:
        server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        cancel = call.cancel()
        self.clock.advance(1)
        self.assertEqual(cancel.statuses, [200])
        self.assertEqual(call.statuses, [100, 180, 487])
        self.assertEqual(self.methods(bob), ["INVITE", "CANCEL", "ACK"])
        self.clock.advance(64)
        self.assertEqual((server.servers.count, server.clients.count), (0, 0))

    def test_before_any_answer_waits_for_a_provisional(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = silent
        call = alice.invite("bob")
        self.clock.advance(0.2)
        call.cancel()
        self.clock.advance(1)
        self.assertEqual(self.methods(bob), ["INVITE"])
        bob.calls[0].ring()
        self.clock.advance(1)
        self.assertEqual(self.methods(bob), ["INVITE", "CANCEL", "ACK"])
        self.assertEqual(call.statuses[-1], 487)

    def test_when_nobody_ever_answers(self) -> None:
        server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = silent
        call = alice.invite("bob")
        self.clock.advance(0.2)
        call.cancel()
        self.clock.advance(33)
        self.assertEqual(call.statuses, [100, 487])
        self.clock.advance(64)
        self.assertEqual((server.servers.count, server.clients.count), (0, 0))

    def test_crossing_the_answer(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        bob.calls[0].answer()
        cancel = call.cancel()
        self.clock.advance(1)
        self.assertEqual(cancel.status, 200)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].acknowledged)

    def test_after_the_answer(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        cancel = call.cancel()
        self.clock.advance(1)
        self.assertEqual(cancel.status, 200)
        self.assertEqual(call.status, 200)
        self.assertNotIn("CANCEL", self.methods(bob))

    def test_after_a_failure(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.reject
        call = alice.invite("bob")
        self.clock.advance(1)
        alice.cancel(call)
        self.clock.advance(1)
        self.assertEqual(call.statuses[-1], 486)
        self.assertNotIn("CANCEL", self.methods(bob))

    def test_twice(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(0.001)
        again = call.cancel()
        self.clock.advance(1)
        self.assertEqual(again.status, 200)
        self.assertEqual(self.methods(bob).count("CANCEL"), 1)

    def test_while_the_route_waits(self) -> None:
        server = self.serve(Slow(self.clock))
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100])
        cancel = call.cancel()
        self.clock.advance(0.1)
        self.assertEqual((cancel.status, call.status), (200, 487))
        self.clock.advance(5)
        self.assertEqual(bob.calls, [])
        self.clock.advance(64)
        self.assertEqual((server.servers.count, server.pending.count), (0, 0))

    def test_while_a_name_is_looked_up(self) -> None:
        self.serve(Plain)
        self.names.table["far.example"] = ["10.0.9.9"]
        self.names.delay = 5
        call = self.phone("alice").invite("sip:bob@far.example")
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 487])
        self.clock.advance(10)
        self.assertEqual([packet for packet in self.wire.packets if packet.destination[0] == "10.0.9.9"], [])

    def test_of_somebody_else(self) -> None:
        """Only the hop that sent the INVITE may cancel it (9.1)."""
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        mallory = self.phone("mallory")
        from sipexpress.sip.compose import compose_cancel

        mallory.send_raw(compose_cancel(call.request.raw), mallory.server)
        self.clock.advance(1)
        self.assertEqual(call.status, 180)
        self.assertNotIn("CANCEL", self.methods(bob))

    def test_reason_is_passed_on(self) -> None:
        """RFC 3326."""
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        from sipexpress.sip.compose import compose_cancel

        alice.send_raw(compose_cancel(call.request.raw, [b"Reason: SIP;cause=600"]), alice.server)
        self.clock.advance(1)
        self.assertEqual(bob.requests[1].header("reason"), b"SIP;cause=600")

    def test_without_a_transaction(self) -> None:
        """It is the route's: here it goes along to the target that lookup gave, without a transaction."""
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        exchange = alice.request("CANCEL", "bob")
        self.clock.advance(1)
        self.assertEqual(self.methods(bob), ["CANCEL"])
        self.assertEqual(exchange.status, 481)
