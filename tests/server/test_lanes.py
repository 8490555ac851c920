"""Replies wait in their branch's lane while a reply route handles an earlier one."""

from __future__ import annotations

from typing import Any

from sipexpress import failure_route, onreply_route
from sipexpress.testing import IncomingCall, OutgoingCall, Phone
from tests.routers import Plain
from tests.server.behavior import CallCase, methods, pause, reject


class Holding(Plain):
    """Its reply route holds the first reply for some seconds, each other one for a moment."""

    def __init__(self, clock: Any, seconds: float = 2) -> None:
        self.clock = clock
        self.seconds = seconds
        self.seen: list[str] = []

    async def route(self) -> Any:
        self.tm.t_on_reply("hold")
        return await super().route()

    @onreply_route
    async def hold(self) -> None:
        self.router.seen.append(self.status)
        await pause(self.clock, 0.01 if len(self.router.seen) > 1 else self.seconds)


class LaneTests(CallCase):
    def called(self, seconds: float = 2) -> tuple[OutgoingCall, Phone, Holding]:
        router = Holding(self.clock, seconds)
        self.server = self.serve(router)
        alice = self.phone("alice")
        (bob,) = self.phones("bob", IncomingCall.ring)
        call = alice.invite("bob")
        self.clock.advance(0.1)
        return call, bob, router

    def test_the_order_of_arrival(self) -> None:
        call, bob, router = self.called()
        for code in (183, 181, 182, 200):
            bob.calls[0].reply(code)
            self.clock.advance(0.01)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(3)
        self.assertEqual(call.statuses[:6], [100, 180, 183, 181, 182, 200])
        self.assertEqual(router.seen[:5], ["180", "183", "181", "182", "200"])
        self.assert_empty()

    def test_a_retransmitted_reply_waits_once(self) -> None:
        call, bob, router = self.called()
        bob.calls[0].answer()
        self.clock.advance(1.8)  # the phone repeats its 200 meanwhile
        self.assertGreater(len(self.wire.sent("SIP/2.0 200", bob.address)), 2)
        self.clock.advance(0.5)
        self.assertEqual(router.seen, ["180", "200"])
        self.assertEqual(call.statuses, [100, 180, 200])
        self.assert_empty()

    def test_it_holds_sixteen(self) -> None:
        call, bob, _ = self.called()
        for number in range(20):
            bob.calls[0].reply(183, f"Progress {number}")
        self.clock.advance(5)
        self.assertEqual(call.statuses, [100, 180, *[183] * 16])
        self.assertEqual(self.server.counters["lane_full"], 4)

    def test_a_failure_finds_room_in_a_full_lane(self) -> None:
        """It was acknowledged already, and will not come again."""
        call, bob, _ = self.called()
        for number in range(20):
            bob.calls[0].reply(183, f"Progress {number}")
        bob.calls[0].reject(486)
        self.clock.advance(5)
        self.assertEqual(methods(bob), ["INVITE", "ACK"])
        self.assertEqual(call.statuses, [100, 180, *[183] * 15, 486])
        self.assert_empty()

    def test_an_answer_finds_room_in_a_full_lane(self) -> None:
        call, bob, _ = self.called()
        for number in range(20):
            bob.calls[0].reply(183, f"Progress {number}")
        bob.calls[0].answer()
        self.clock.advance(5)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].acknowledged)

    def test_lanes_of_two_branches_are_apart(self) -> None:
        router = Holding(self.clock)
        self.server = self.serve(router)
        one, two = self.phones("bob", IncomingCall.ring, reject(486))
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(sorted(router.seen), ["180", "486"])
        one.calls[0].answer()
        self.clock.advance(3)
        self.assertEqual(call.statuses, [100, 180, 200])
        self.assertEqual(methods(two), ["INVITE", "ACK"])
        self.assert_empty()

    def test_a_branch_with_something_in_its_lane_still_counts_as_waiting(self) -> None:
        """No failure is sent upstream while the answer of another branch is being looked at."""
        router = Holding(self.clock)
        self.server = self.serve(router)
        self.phones("bob", IncomingCall.answer, reject(404))
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(2)
        self.assertEqual(call.status, 200)
        self.assert_empty()

    def test_a_reply_route_that_never_ends(self) -> None:
        """Its time limit lets the reply go on."""
        router = Holding(self.clock, 1000)
        self.server = self.serve(router, route_timeout=5)
        alice = self.phone("alice")
        (bob,) = self.phones("bob", IncomingCall.answer)
        call = alice.invite("bob")
        self.clock.advance(4)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(3)
        self.assertEqual(call.statuses[:2], [100, 200])
        self.assertTrue(bob.calls[0].acknowledged)
        self.assertEqual(self.server.counters["route_timeout"], 1)
        self.assert_empty()

    def test_the_transaction_is_over_before_the_reply_route(self) -> None:
        router = Holding(self.clock, 200)
        self.server = self.serve(router, route_timeout=300, modparams={"tm": {"fr_inv_timer": 20}})
        alice = self.phone("alice")
        (bob,) = self.phones("bob", IncomingCall.ring)
        call = alice.invite("bob")
        self.clock.advance(100)
        self.assertTrue(bob.calls[0].canceled)
        self.assertEqual(call.status, 408)
        self.clock.advance(150)
        self.assertEqual((self.server.servers.count, self.server.clients.count, len(self.server.runs)), (0, 0, 0))

    def test_a_failure_route_while_the_reply_route_of_another_try_waits(self) -> None:
        """A late reply never swaps the message under a waiting failure route."""

        class Both(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply("look")
                self.tm.t_on_failure("think")
                return await super().route()

            @onreply_route
            def look(self) -> None:
                assert self.reply is not None
                seen.append(("reply", self.reply.status))

            @failure_route
            async def think(self) -> None:
                assert self.reply is not None
                before = self.reply, self.msg, self.status
                await pause(clock, 3)
                seen.append(("failure", self.reply.status))
                assert before == (self.reply, self.msg, self.status)

        clock, seen = self.clock, list[tuple[str, int]]()
        self.server = self.serve(Both)
        one, two = self.phones("bob", reject(486), reject(404))
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        for phone in (one, two):
            for packet in self.wire.sent("SIP/2.0 4", phone.address)[:1]:
                phone.send_raw(packet.data, self.server_address)
        self.clock.advance(5)
        self.assertEqual(sorted(seen), [("failure", 404), ("reply", 404), ("reply", 486)])
        self.assertEqual(call.status, 404)

    server_address = ("10.0.0.1", 5060)
