"""Requests whose handler waits: retransmissions, limits, time limits (the pending table)."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import branch_route, failure_route, use
from sipexpress.modules import Sl, Tm
from sipexpress.testing import IncomingCall
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, methods, pause, reject


class Slow(Plain):
    """Takes five seconds for everything but REGISTER and ACK."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.runs = 0

    async def route(self) -> Any:
        if self.method not in ("REGISTER", "ACK"):
            self.router.runs += 1
            await pause(self.clock, 5)
        return await super().route()


class RetransmissionTests(CallCase):
    def setUp(self) -> None:
        super().setUp()
        self.router = Slow(self.clock)
        self.server = self.serve(self.router)

    def test_of_a_message(self) -> None:
        """NST-01, NST-03: processed once; a 100 at 3.5 s."""
        alice, bob = self.registered("alice", "bob")
        begin = self.clock.seconds()
        message = alice.request("MESSAGE", "bob")
        self.clock.advance(3.4)
        self.assertEqual(message.statuses, [])
        self.clock.advance(1.4)
        self.assertGreater(len(self.wire.sent("MESSAGE", alice.address)), 3)
        self.assertEqual(message.statuses[0], 100)
        self.assertGreaterEqual(self.to(alice, "SIP/2.0 100")[0].time - begin, 3.5)
        self.clock.advance(1)
        self.assertEqual(message.status, 200)
        self.assertEqual((self.router.runs, methods(bob)), (1, ["MESSAGE"]))
        self.assert_empty()

    def test_of_a_message_over_tcp(self) -> None:
        """NST-04: the 100 may go at once."""
        alice, _ = self.registered("alice", "bob", protocol="TCP")
        message = alice.request("MESSAGE", "bob")
        self.clock.advance(6)
        self.assertEqual(message.status, 200)
        self.assert_empty()

    def test_of_an_invite_each_is_answered_by_the_100(self) -> None:
        """IST-01, IST-03: without a To tag, at once."""
        alice, bob = self.registered("alice", "bob")
        self.wire.lose = lambda packet: packet.start_line.startswith("SIP/2.0 100")
        begin = self.clock.seconds()
        call = alice.invite("bob")
        self.clock.advance(4)
        hundreds = self.to(alice, "SIP/2.0 100")
        self.assertEqual(len(hundreds), 4)
        self.assertLess(hundreds[0].time - begin, 0.2)
        self.assertEqual(len({packet.data for packet in hundreds}), 1)
        self.assertNotIn(b"tag=", hundreds[0].data.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0])
        self.clock.advance(2)
        self.assertEqual((self.router.runs, len(bob.calls), call.status), (1, 1, 180))

    def test_a_timestamp_is_given_back(self) -> None:
        """IST-02."""
        call = self.phone("alice").invite("bob", [("Timestamp", "54")])
        self.clock.advance(0.2)
        self.assertEqual(call.response.header("timestamp"), b"54")

    def test_an_ack_for_nothing_waits_without_an_entry(self) -> None:
        class Waiting(sipexpress.Router):
            async def route(self) -> None:
                await pause(clock, 1)

        clock = self.clock
        second = self.serve(Waiting, host="10.0.0.2")
        alice = self.phone("alice", server=("10.0.0.2", 5060))
        alice.send_raw(alice._new("ACK", "sip:bob@10.0.0.2", [], b""), alice.server)
        self.clock.advance(0.5)
        self.assertEqual((second.servers.count, second.pending.count), (0, 1))
        self.clock.advance(1)
        self.assertEqual(self.to(alice), [])
        self.assert_empty(second)

    def test_a_handler_that_answered_and_goes_on(self) -> None:
        """The entry ends with the answer; what the route does later harms nobody."""

        class Lingering(sipexpress.Router):
            sl = use(Sl)
            tm = use(Tm)

            async def route(self) -> None:
                await pause(clock, 0.1)
                seen.append(self.sl.sl_send_reply(404, "Gone"))
                await pause(clock, 1)
                seen.extend((self.sl.sl_send_reply(200, "Late"), self.tm.t_newtran(), self.tm.t_relay()))

        clock, seen = self.clock, list[bool]()
        second = self.serve(Lingering, host="10.0.0.2")
        alice = self.phone("alice", server=("10.0.0.2", 5060))
        call = alice.invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(second.servers.count, 0)
        alice.send_raw(call.request.raw, alice.server)
        self.clock.advance(3)
        self.assertEqual(seen, [True, True, False, False, False, False, False, False])
        self.assertEqual({packet.start_line for packet in self.to(alice)}, {"SIP/2.0 100 Trying", "SIP/2.0 404 Gone"})
        self.assert_empty(second)


class LimitTests(CallCase):
    def test_a_place_becomes_free_again(self) -> None:
        self.server = self.serve(Slow(self.clock), max_pending=1)
        alice, bob = self.phone("alice"), self.phone("bob")
        for _ in range(3):
            first, second = alice.invite("nobody"), bob.invite("nobody")
            self.clock.advance(1)
            self.assertEqual((first.status, second.status), (100, 503))
            self.clock.advance(5)
            self.assertEqual(first.status, 404)
        self.assert_empty()

    def test_one_source_takes_no_place_of_another(self) -> None:
        self.server = self.serve(Slow(self.clock), max_pending_per_source=1)
        alice, bob = self.phone("alice"), self.phone("bob")
        calls = [alice.invite("nobody"), alice.invite("nobody"), bob.invite("nobody"), bob.invite("nobody")]
        self.clock.advance(1)
        self.assertEqual([call.status for call in calls], [100, 503, 100, 503])
        self.clock.advance(5)
        again = alice.invite("nobody")
        self.clock.advance(1)
        self.assertEqual(again.status, 100)
        self.assert_empty()

    def test_a_refused_request_does_not_go_on(self) -> None:
        router = Slow(self.clock)
        self.server = self.serve(router, max_pending=0)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(10)
        self.assertEqual(call.statuses, [503])
        self.assertEqual((methods(bob), router.runs), ([], 1))
        self.assertEqual(self.server.counters["pending_full"], 1)
        self.assert_empty()

    def test_what_does_not_wait_is_served_all_the_same(self) -> None:
        self.server = self.serve(Plain, max_pending=0)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual((call.status, len(bob.calls)), (180, 1))

    def test_a_canceled_call_gives_its_place_back_when_its_handler_ends(self) -> None:
        """Or else a caller who cancels could start handlers without end."""
        self.server = self.serve(Slow(self.clock), max_pending=1)
        alice, bob = self.phone("alice"), self.phone("bob")
        first = alice.invite("nobody")
        self.clock.advance(0.2)
        first.cancel()
        self.clock.advance(0.2)
        second = bob.invite("nobody")
        self.clock.advance(0.2)
        self.assertEqual((first.status, second.status), (487, 503))
        self.clock.advance(5)
        third = bob.invite("nobody")
        self.clock.advance(0.2)
        self.assertEqual(third.status, 100)
        self.assert_empty()


class TimeLimitTests(CallCase):
    """route_timeout, in every kind of route that waits."""

    def test_of_a_message(self) -> None:
        """NST-06: 500 before timer F of the client."""

        class Endless(Plain):
            async def route(self) -> Any:
                if self.method == "MESSAGE":
                    await pause(clock, 1000)
                return await super().route()

        clock = self.clock
        self.server = self.serve(Endless)
        alice, _ = self.registered("alice", "bob")
        message = alice.request("MESSAGE", "bob")
        self.clock.advance(32)
        self.assertEqual(message.statuses[-1], 500)
        self.assertEqual(self.server.counters["route_timeout"], 1)
        self.assert_empty()

    def test_of_a_branch_route(self) -> None:
        class Endless(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("wait")
                return await super().route()

            @branch_route
            async def wait(self) -> None:
                assert self.branch is not None
                if self.branch.index == 0:
                    await pause(clock, 1000)

        clock = self.clock
        self.server = self.serve(Endless, route_timeout=5)
        one, _ = self.phones("bob", IncomingCall.ring, reject(603))
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.5)
        # A decline ends the other branch, and nobody waits for its route.
        self.assertEqual(call.statuses, [100, 603])
        self.clock.advance(6)
        self.assertEqual(one.calls, [])
        self.assert_empty()

    def test_of_the_only_branch_route(self) -> None:
        class Endless(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("wait")
                return await super().route()

            @branch_route
            async def wait(self) -> None:
                await pause(clock, 1000)

        clock = self.clock
        self.server = self.serve(Endless, route_timeout=5)
        self.phones("bob", IncomingCall.ring)
        call = self.phone("alice").invite("bob")
        self.clock.advance(6)
        self.assertEqual(call.statuses, [100, 500])
        self.assertEqual(self.wire.sent("INVITE", HERE), [])
        self.assert_empty()

    def test_of_a_failure_route(self) -> None:
        class Endless(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("wait")
                return await super().route()

            @failure_route
            async def wait(self) -> None:
                await pause(clock, 1000)

        clock = self.clock
        self.server = self.serve(Endless, route_timeout=5)
        self.phones("bob", reject(486))
        call = self.phone("alice").invite("bob")
        self.clock.advance(4)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(2)
        self.assertEqual(call.statuses, [100, 486])
        self.assert_empty()

    def test_after_forwarding_the_call_goes_on(self) -> None:
        class Lingering(Plain):
            async def route(self) -> Any:
                await super().route()
                if self.method == "INVITE":
                    await pause(clock, 1000)

        clock = self.clock
        self.server = self.serve(Lingering, route_timeout=5)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(7)
        self.assertEqual(call.statuses, [100, 180])
        self.assertEqual(self.server.counters["route_timeout"], 1)
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        self.assert_empty()
