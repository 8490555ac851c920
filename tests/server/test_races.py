"""CANCEL and its races, at every moment of a call (RFC 3261 9, 16.10)."""

from __future__ import annotations

from typing import Any

from sipexpress import branch_route, failure_route, onreply_route
from sipexpress.testing import IncomingCall
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, methods, pause, reject, silent


class Thinking(Plain):
    """Takes two seconds for an INVITE."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.seen: list[bool] = []

    async def route(self) -> Any:
        if self.method == "INVITE":
            await pause(self.clock, 2)
            self.seen.append(self.tm.t_is_canceled())
        return await super().route()

    def relay(self) -> Any:
        relayed = self.tm.t_relay()
        self.seen.append(relayed)


class EarlyTests(CallCase):
    """Before the callee has said anything."""

    def test_in_the_same_moment_as_the_invite(self) -> None:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        cancel = call.cancel()
        self.clock.advance(1)
        self.assertEqual((cancel.statuses, call.statuses[-1]), ([200], 487))
        self.assertEqual(methods(bob), ["INVITE", "CANCEL", "ACK"])
        self.assert_empty()

    def test_it_overtakes_the_invite(self) -> None:
        """The CANCEL finds nothing; the INVITE that comes later is a call like any other (9.2)."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        self.wire.lose = lambda packet: packet.start_line.startswith("INVITE") and self.clock.seconds() < late
        late = self.clock.seconds() + 0.1
        call = alice.invite("bob")
        cancel = call.cancel()
        self.clock.advance(2)
        self.assertEqual(cancel.statuses, [481])
        self.assertEqual(call.status, 180)
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)

    def test_a_final_response_comes_before_any_provisional(self) -> None:
        """CAN-03: then no CANCEL is sent at all."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = silent
        call = alice.invite("bob")
        self.clock.advance(0.2)
        call.cancel()
        self.clock.advance(0.2)
        bob.calls[0].reject(486)
        self.clock.advance(1)
        self.assertEqual(call.status, 486)
        self.assertEqual(methods(bob), ["INVITE", "ACK"])
        self.assert_empty()

    def test_an_answer_comes_before_any_provisional(self) -> None:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = silent
        call = alice.invite("bob")
        self.clock.advance(0.2)
        call.cancel()
        self.clock.advance(0.2)
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].acknowledged)
        self.assertEqual(methods(bob), ["INVITE", "ACK"])

    def test_one_branch_rings_and_the_other_is_silent(self) -> None:
        self.server = self.serve(Plain)
        rings, waits = self.phones("bob", IncomingCall.ring, silent)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.2)
        call.cancel()
        self.clock.advance(0.2)
        self.assertEqual(methods(rings), ["INVITE", "CANCEL", "ACK"])
        self.assertEqual(methods(waits), ["INVITE"])
        self.assertEqual(call.status, 180)
        waits.calls[0].ring()
        self.clock.advance(0.2)
        self.assertEqual(methods(waits), ["INVITE", "CANCEL", "ACK"])
        self.assertEqual(call.status, 487)
        self.assert_empty()


class WaitingTests(CallCase):
    """While something of the server's own waits."""

    def test_the_route_waits_and_the_invite_is_retransmitted(self) -> None:
        router = Thinking(self.clock)
        self.server = self.serve(router)
        alice, bob = self.registered("alice", "bob")
        self.wire.lose = lambda packet: packet.start_line.startswith("SIP/2.0 100")
        call = alice.invite("bob")
        self.clock.advance(1.6)
        self.assertEqual(len(self.wire.sent("INVITE", alice.address)), 3)
        cancel = call.cancel()
        self.clock.advance(0.1)
        self.assertEqual((cancel.status, call.status), (200, 487))
        alice.send_raw(call.request.raw, HERE)
        self.clock.advance(2)
        self.assertEqual(router.seen, [True, False])
        self.assertEqual(bob.calls, [])
        self.assertEqual(self.server.counters["unfinished_routes"], 0)
        self.assert_empty()

    def test_the_487_is_repeated_until_its_ack(self) -> None:
        self.server = self.serve(Thinking(self.clock))
        (alice,) = self.registered("alice")
        self.wire.lose = lambda packet: packet.start_line.startswith("ACK")
        call = alice.invite("bob")
        self.clock.advance(0.5)
        call.cancel()
        self.clock.advance(3.8)
        self.assertEqual(len(self.wire.sent("SIP/2.0 487", HERE)), 4)
        self.wire.lose = lambda packet: False
        self.assert_empty()

    def test_a_branch_route_waits(self) -> None:
        class Slow(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("wait")
                return await super().route()

            @branch_route
            async def wait(self) -> None:
                await pause(clock, 2)

        clock = self.clock
        self.server = self.serve(Slow)
        one, two = self.phones("bob", IncomingCall.ring, IncomingCall.ring)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100])
        cancel = call.cancel()
        self.clock.advance(0.1)
        self.assertEqual((cancel.status, call.status), (200, 487))
        self.clock.advance(5)
        self.assertEqual(one.calls + two.calls, [])
        self.assert_empty()

    def test_a_name_is_looked_up_while_another_branch_rings(self) -> None:
        class Both(Plain):
            def relay(self) -> Any:
                if self.method == "INVITE":
                    self.append_branch("sip:bob@far.example")
                return super().relay()

        self.names.table["far.example"] = ["10.0.9.9"]
        self.names.delay = 5
        self.server = self.serve(Both)
        alice, bob = self.registered("alice", "bob")
        far = self.phone("far", "10.0.9.9")
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 180)
        call.cancel()
        self.clock.advance(0.1)
        self.assertEqual(call.status, 487)
        self.clock.advance(10)
        self.assertEqual(far.calls, [])
        self.assertTrue(bob.calls[0].canceled)
        self.assert_empty()

    def test_a_reply_route_holds_the_ringing(self) -> None:
        class Slow(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply("wait")
                return await super().route()

            @onreply_route
            async def wait(self) -> None:
                if self.status == "180":
                    await pause(clock, 2)

        clock = self.clock
        self.server = self.serve(Slow)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(0.5)
        call.cancel()
        self.clock.advance(0.1)
        self.assertEqual(methods(bob), ["INVITE", "CANCEL", "ACK"])
        self.assertEqual(call.statuses, [100])
        self.clock.advance(3)
        self.assertEqual(call.statuses, [100, 180, 487])
        self.assert_empty()

    def test_a_reply_route_holds_the_answer(self) -> None:
        """The answer was first: the CANCEL is answered and changes nothing."""

        class Slow(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply("wait")
                return await super().route()

            @onreply_route
            async def wait(self) -> None:
                if self.status == "200":
                    await pause(clock, 0.3)

        clock = self.clock
        self.server = self.serve(Slow)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(0.1)
        cancel = call.cancel()
        self.clock.advance(1)
        self.assertEqual((cancel.status, call.status), (200, 200))
        self.assertTrue(bob.calls[0].acknowledged)
        self.assertNotIn("CANCEL", methods(bob))

    def test_a_failure_route_looks_for_somebody_else(self) -> None:
        """CAN-13: no further target is tried."""

        class Serial(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("next")
                return await super().route()

            @failure_route
            async def next(self) -> Any:
                self.tm.t_on_failure("next")
                self.append_branch(f"sip:{targets.pop(0)}")
                return self.tm.t_relay()

        targets = ["two@10.0.1.3", "three@10.0.1.4"]
        self.server = self.serve(Serial)
        alice, one = self.registered("alice", "bob")
        two, three = self.phone("two"), self.phone("three")
        one.on_call = reject(486)
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual((call.status, len(two.calls)), (180, 1))
        call.cancel()
        self.clock.advance(1)
        # The best of 486 and 487 is the lowest of the class (16.7 step 6).
        self.assertEqual(call.status, 486)
        self.assertTrue(two.calls[0].canceled)
        self.assertEqual(three.calls, [])
        self.assert_empty()
