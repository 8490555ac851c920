"""A server that stops: what is under way ends well, what is new is refused."""

from __future__ import annotations

from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, methods, pause


class DrainTests(CallCase):
    def test_new_requests_get_503_with_retry_after(self) -> None:
        self.server = self.serve(Plain, drain=30, retry_after=7)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(0.5)
        stopping = self.server.stopService()
        refused = alice.invite("bob")
        message = alice.request("MESSAGE", "bob")
        options = alice.request("OPTIONS")
        self.clock.advance(0.5)
        for exchange in (refused, message, options):
            self.assertEqual(exchange.status, 503)
            self.assertEqual(exchange.response.header("retry-after"), b"7")
        self.assertEqual(methods(bob), ["INVITE"])
        self.assertNoResult(stopping)
        bob.calls[0].answer()
        self.clock.advance(0.5)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].acknowledged)
        self.successResultOf(stopping)

    def test_a_retransmission_and_a_cancel_still_belong_to_their_call(self) -> None:
        self.server = self.serve(Plain, drain=30)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(0.5)
        stopping = self.server.stopService()
        alice.send_raw(call.request.raw, HERE)
        self.clock.advance(0.1)
        self.assertEqual(self.to(alice, "SIP/2.0 503"), [])
        cancel = call.cancel()
        self.clock.advance(0.5)
        self.assertEqual((cancel.status, call.status), (200, 487))
        self.assertEqual(methods(bob), ["INVITE", "CANCEL", "ACK"])
        self.successResultOf(stopping)

    def test_its_limit(self) -> None:
        self.server = self.serve(Plain, drain=10)
        alice, _ = self.registered("alice", "bob")
        alice.invite("bob")
        self.clock.advance(0.5)
        stopping = self.server.stopService()
        self.clock.advance(9)
        self.assertNoResult(stopping)
        self.clock.advance(2)
        self.successResultOf(stopping)
        self.assertEqual((self.server.servers.count, self.server.clients.count), (0, 0))

    def test_a_second_signal_ends_it_at_once(self) -> None:
        self.server = self.serve(Plain, drain=60)
        alice, _ = self.registered("alice", "bob")
        alice.invite("bob")
        self.clock.advance(0.5)
        stopping = self.server.stopService()
        self.clock.advance(0.5)
        self.assertNoResult(stopping)
        self.server.hurry()
        self.clock.advance(0.2)
        self.successResultOf(stopping)

    def test_waiting_handlers_are_ended(self) -> None:
        class Slow(Plain):
            async def route(self) -> None:
                try:
                    await pause(clock, 25)
                finally:
                    ended.append(self.method)

        clock, ended = self.clock, list[str]()
        self.server = self.serve(Slow, drain=5)
        self.phone("alice").invite("bob")
        self.clock.advance(0.5)
        stopping = self.server.stopService()
        self.clock.advance(6)
        self.successResultOf(stopping)
        self.assertEqual((ended, self.clock.getDelayedCalls()), (["INVITE"], self.phone_timers()))

    def phone_timers(self) -> list[object]:
        """What is left on the clock has to be the phone's."""
        return [
            call
            for call in self.clock.getDelayedCalls()
            if "sipexpress.testing" in repr(call) or "Clockwork" in repr(call)
        ]

    def test_it_serves_again_after_another_start(self) -> None:
        self.server = self.serve(Plain)
        self.successResultOf(self.server.stopService())
        self.successResultOf(self.server.startService())
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(0.5)
        self.assertEqual((call.status, len(bob.calls)), (180, 1))
