"""Handlers that wait, raise, forget, or never end."""

from __future__ import annotations

import contextlib
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks

import sipexpress
from sipexpress import use
from sipexpress.modules import Sl, Tm
from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain


def pause(clock: Any, seconds: float) -> Deferred[None]:
    """Wait on a clock."""
    waiting: Deferred[None] = Deferred(lambda _: timer.cancel())
    timer = clock.callLater(seconds, waiting.callback, None)
    return waiting


class Thinking(Plain):
    """Takes two seconds for everything but REGISTER."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock

    async def route(self) -> Any:
        if self.method != "REGISTER":
            await pause(self.clock, 2)
        return await super().route()


class WaitingTests(RouterTestCase):
    def test_invite_is_retransmitted_meanwhile(self) -> None:
        server = self.serve(Thinking(self.clock))
        alice, bob = self.registered("alice", "bob")
        self.wire.lose = lambda packet: packet.start_line.startswith("SIP/2.0 100")
        call = alice.invite("bob")
        self.clock.advance(1.9)
        self.assertEqual(server.pending.count, 1)
        self.assertEqual(len(self.wire.sent("INVITE", alice.address)), 3)
        self.assertEqual(len(self.wire.sent("SIP/2.0 100")), 3)
        self.clock.advance(1)
        self.assertEqual(server.pending.count, 0)
        self.assertEqual(len(bob.calls), 1)
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)

    def test_message_is_answered_100_only_late(self) -> None:
        self.serve(Thinking(self.clock))
        alice, bob = self.registered("alice", "bob")
        message = alice.request("MESSAGE", "bob", body=b"hi")
        self.clock.advance(3)
        self.assertEqual(message.statuses, [200])
        self.assertEqual(len(bob.requests), 1)

    def test_stateless_refusal_costs_no_transaction(self) -> None:
        server = self.serve(Thinking(self.clock))
        call = self.phone("alice").invite("nobody")
        self.clock.advance(3)
        self.assertEqual(call.statuses, [100, 404])
        self.assertEqual((server.servers.count, server.pending.count), (0, 0))

    def test_limit_of_waiting_requests(self) -> None:
        server = self.serve(Thinking(self.clock), max_pending=3)
        phones = [self.phone(f"user{number}") for number in range(5)]
        calls = [phone.invite("nobody") for phone in phones]
        self.clock.advance(1)
        self.assertEqual(server.pending.count, 3)
        refused = [call for call in calls if call.status == 503]
        self.assertEqual(len(refused), 2)
        self.assertEqual(refused[0].response.header("retry-after"), b"5")
        self.clock.advance(5)
        self.assertEqual([call.status for call in calls].count(404), 3)

    def test_limit_for_one_source(self) -> None:
        self.serve(Thinking(self.clock), max_pending_per_source=2)
        alice, bob = self.phone("alice"), self.phone("bob")
        calls = [alice.invite("nobody") for _ in range(3)]
        other = bob.invite("nobody")
        self.clock.advance(1)
        self.assertEqual([call.status for call in calls], [100, 100, 503])
        self.assertEqual(other.status, 100)

    def test_time_limit(self) -> None:
        cleaned = []

        class Endless(sipexpress.Router):
            async def route(self) -> Any:
                try:
                    await Deferred()
                finally:
                    cleaned.append(True)

        server = self.serve(Endless, route_timeout=5)
        call = self.phone("alice").invite("bob")
        self.clock.advance(6)
        self.assertEqual(call.statuses, [100, 500])
        self.assertEqual(cleaned, [True])
        self.assertEqual((len(server.runs), server.pending.count), (0, 0))

    def test_one_that_swallows_its_cancellation(self) -> None:
        class Stubborn(sipexpress.Router):
            async def route(self) -> Any:
                while True:
                    with contextlib.suppress(CancelledError):
                        await Deferred()

        server = self.serve(Stubborn, route_timeout=5)
        call = self.phone("alice").invite("bob")
        self.clock.advance(10)
        self.assertEqual(call.statuses, [100, 500])
        self.assertEqual((len(server.runs), server.pending.count), (0, 0))

    def test_inline_callbacks(self) -> None:
        class Generator(Plain):
            @inlineCallbacks
            def route(self) -> Any:  # type: ignore[override]
                if self.method == "REGISTER":
                    yield self.registrar.save("location")
                    return
                yield pause(clock, 1)
                found = yield self.registrar.lookup("location")
                if found:
                    self.tm.t_relay()

        clock = self.clock
        self.serve(Generator)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(2)
        self.assertEqual(call.status, 200)

    def test_server_stops_meanwhile(self) -> None:
        server = self.serve(Thinking(self.clock), drain=10)
        call = self.phone("alice").invite("nobody")
        self.clock.advance(1)
        stopping = server.stopService()
        refused = self.phone("bob").invite("nobody")
        self.clock.advance(0.5)
        self.assertEqual(refused.status, 503)
        self.assertNoResult(stopping)
        self.clock.advance(2)
        self.assertEqual(call.status, 404)
        self.successResultOf(stopping)


class FailingTests(RouterTestCase):
    def test_exception_is_answered_500_and_harms_no_other_call(self) -> None:
        class Raising(Plain):
            async def route(self) -> Any:
                if self.method == "MESSAGE":
                    raise KeyError("nothing")
                return await super().route()

        self.serve(Raising)
        alice, _ = self.registered("alice", "bob")
        message = alice.request("MESSAGE", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(message.statuses, [500])
        self.assertEqual(call.status, 180)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_exception_after_forwarding_lets_the_call_go_on(self) -> None:
        class Late(Plain):
            async def route(self) -> Any:
                await super().route()
                if self.method == "INVITE":
                    raise ValueError("after the fact")

        self.serve(Late)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 200])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_exit_from_deep_inside(self) -> None:
        class Exiting(sipexpress.Router):
            sl = use(Sl)

            async def route(self) -> Any:
                try:
                    await self.deep()
                except Exception:
                    self.sl.sl_send_reply(500, "Exit was caught")
                self.sl.sl_send_reply(500, "Exit did not end the route")

            async def deep(self) -> None:
                self.sl.sl_send_reply(403, "Enough")
                self.exit()

        self.serve(Exiting)
        exchange = self.phone("alice").request("MESSAGE", "bob")
        self.clock.advance(1)
        self.assertEqual(exchange.statuses, [403])

    def test_forgotten_await_as_a_condition_fails_the_request(self) -> None:
        class Open(Plain):
            async def route(self) -> Any:
                if self.registrar.lookup("location"):  # type: ignore[truthy-bool]
                    self.tm.t_relay()

        self.serve(Open)
        call = self.phone("alice").invite("nobody")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [500])
        (failure,) = self.flushLoggedErrors(sipexpress.errors.RouteError)
        self.assertIn("registrar.lookup()", failure.getErrorMessage())

    def test_forgotten_own_helper_as_a_condition(self) -> None:
        class Open(Plain):
            async def route(self) -> Any:
                if self.is_allowed():  # type: ignore[truthy-bool]
                    self.tm.t_relay()

            async def is_allowed(self) -> bool:
                return False

        self.serve(Open)
        call = self.phone("alice").invite("nobody")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [500])
        self.assertEqual(len(self.flushLoggedErrors(sipexpress.errors.RouteError)), 1)

    def test_dropped_answer_fails_the_request(self) -> None:
        class Forgetful(Plain):
            async def route(self) -> Any:
                self.check()  # type: ignore[unused-coroutine]
                await pause(clock, 1)
                self.tm.t_reply(200, "Fine")

            async def check(self) -> bool:
                await pause(clock, 0.5)
                return False

        clock = self.clock
        self.serve(Forgetful)
        call = self.phone("alice").invite("nobody")
        self.clock.advance(3)
        self.assertEqual(call.statuses[-1], 500)

    def test_route_that_does_nothing_is_logged(self) -> None:
        class Idle(sipexpress.Router):
            def route(self) -> None:
                pass

        server = self.serve(Idle)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        self.assertEqual(call.statuses, [])
        self.assertEqual(server.counters["unfinished_routes"], 1)


class LifetimeTests(RouterTestCase):
    def test_call_attributes_under_two_interleaved_calls(self) -> None:
        class Remembering(Plain):
            note = "default"

            async def route(self) -> Any:
                self.tm.t_on_reply("remember")
                if self.method == "INVITE":
                    seen.append(self.note)
                    self.note = self.from_uri
                    self.avp["who"] = self.from_uri
                    await pause(clock, 1)
                return await super().route()

            @sipexpress.onreply_route
            def remember(self) -> None:
                if self.status == "180":
                    seen.append((self.note, self.avp["who"]))

        clock, seen = self.clock, list[Any]()
        self.serve(Remembering)
        alice, _, carol, _ = self.registered("alice", "bob", "carol", "dave")
        alice.invite("bob")
        clock.advance(0.5)
        carol.invite("dave")
        clock.advance(3)
        one, two = "sip:alice@10.0.0.1", "sip:carol@10.0.0.1"
        self.assertEqual(seen, ["default", "default", (one, one), (two, two)])

    def test_two_servers_in_one_process(self) -> None:
        class Counting(sipexpress.Router):
            sl = use(Sl)

            def __init__(self) -> None:
                self.total = 0

            def route(self) -> None:
                self.router.total += 1
                self.sl.sl_send_reply(200, str(self.total))

        one = self.serve(Counting)
        two = self.serve(Counting, host="10.0.0.2")
        alice = self.phone("alice")
        bob = self.phone("bob", server=("10.0.0.2", 5060))
        for _ in range(3):
            alice.request("MESSAGE", "x")
        bob.request("MESSAGE", "x")
        self.clock.advance(1)
        self.assertEqual((one.router.total, two.router.total), (3, 1))

    def test_two_servers_relay_to_each_other(self) -> None:
        self.serve(Plain)
        self.serve(Plain, host="10.0.0.2")
        (alice,) = self.registered("alice")
        (bob,) = self.registered("bob", server=("10.0.0.2", 5060))
        bob.on_call = IncomingCall.answer
        call = alice.invite("sip:bob@10.0.0.2")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        bye = call.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)

    def test_transaction_made_first(self) -> None:
        class Early(sipexpress.Router):
            tm = use(Tm)

            async def route(self) -> Any:
                assert self.tm.t_newtran()
                await pause(clock, 1)
                assert self.tm.t_lookup_request()
                self.tm.t_reply("486", "Busy Here")

        clock = self.clock
        server = self.serve(Early)
        call = self.phone("alice").invite("bob")
        self.clock.advance(2)
        self.assertEqual(call.status, 486)
        self.clock.advance(40)
        self.assertEqual(server.servers.count, 0)
