"""Routes that do nothing, drop, leave a transaction unused, or are refused because too many wait."""

from __future__ import annotations

import contextlib
from typing import Any

from twisted.internet.defer import Deferred

import sipexpress
from sipexpress import use
from sipexpress.modules import Tm
from tests.routers import Plain
from tests.server.behavior import CallCase, methods, pause
from tests.server.log_case import LogCase


class UnfinishedTests(LogCase):
    def test_one_warning_with_the_request_line(self) -> None:
        class Idle(sipexpress.Router):
            def route(self) -> None:
                pass

        self.server = self.serve(Idle)
        alice = self.phone("alice")
        call = alice.invite("bob")
        self.clock.advance(0.3)
        (text,) = self.logged("warn")
        self.assertIn("INVITE sip:bob@10.0.0.1", text)
        self.assertIn(call.request.call_id.decode(), text)
        self.assertEqual(self.to(alice), [])

    def test_none_for_what_was_dropped_on_purpose(self) -> None:
        class Dropping(sipexpress.Router):
            def route(self) -> None:
                self.drop()

        self.server = self.serve(Dropping)
        self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        self.assertEqual(self.logged("warn"), [])

    def test_none_for_an_ack(self) -> None:
        class Idle(sipexpress.Router):
            def route(self) -> None:
                pass

        self.server = self.serve(Idle)
        alice = self.phone("alice")
        alice.send_raw(alice._new("ACK", "sip:bob@10.0.0.1", [], b""), alice.server)
        self.clock.advance(0.3)
        self.assertEqual(self.logged("warn"), [])

    def test_after_waiting_the_entry_is_gone(self) -> None:
        class Idle(sipexpress.Router):
            async def route(self) -> None:
                await pause(clock, 1)

        clock = self.clock
        self.server = self.serve(Idle)
        self.phone("alice").request("MESSAGE", "bob")
        self.clock.advance(1.2)
        self.assertEqual(len(self.logged("warn")), 1)
        self.assertEqual((self.server.pending.count, self.server.servers.count), (0, 0))

    def test_a_transaction_that_was_made_and_left(self) -> None:
        """SER: "script writer didn't release transaction". It must not stay for ever."""
        self.left(provisional=False)

    def test_a_transaction_that_got_a_provisional_reply_and_was_left(self) -> None:
        self.left(provisional=True)

    def left(self, provisional: bool) -> None:
        class Leaving(sipexpress.Router):
            tm = use(Tm)

            def route(self) -> None:
                self.tm.t_newtran()
                if provisional:
                    self.tm.t_reply(183, "Soon")

        self.server = self.serve(Leaving)
        self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        (text,) = self.logged("warn")
        self.assertIn("INVITE sip:bob@10.0.0.1", text)
        self.assertEqual(self.server.servers.count, 0)

    def test_a_transaction_that_was_made_before_the_request_was_dropped(self) -> None:
        class Dropping(sipexpress.Router):
            tm = use(Tm)

            def route(self) -> None:
                self.tm.t_newtran()
                self.drop()

        self.server = self.serve(Dropping)
        self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        self.assertEqual(self.logged("warn"), [])
        self.assertEqual(self.server.servers.count, 0)

    def test_a_transaction_that_was_released(self) -> None:
        class Releasing(sipexpress.Router):
            tm = use(Tm)

            def route(self) -> None:
                self.tm.t_newtran()
                self.tm.t_release()

        self.server = self.serve(Releasing)
        self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        self.assertEqual(self.logged("warn"), [])
        self.assertEqual(self.server.servers.count, 0)


class TransactionFirstTests(CallCase):
    """t_newtran, and then the route waits."""

    def test_the_caller_learns_that_somebody_is_at_it(self) -> None:
        class Early(Plain):
            async def route(self) -> Any:
                if self.method == "INVITE":
                    assert self.tm.t_newtran()
                    await pause(clock, 2)
                return await super().route()

        clock = self.clock
        self.server = self.serve(Early)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1.9)
        self.assertEqual(call.statuses, [100])
        self.assertEqual(len(self.wire.sent("INVITE", alice.address)), 1)
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 180])
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        self.assert_empty()

    def test_it_is_canceled_meanwhile(self) -> None:
        class Early(Plain):
            async def route(self) -> Any:
                if self.method == "INVITE":
                    self.tm.t_newtran()
                    await pause(clock, 2)
                return await super().route()

        clock = self.clock
        self.server = self.serve(Early)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(0.1)
        self.assertEqual(call.status, 487)
        self.clock.advance(3)
        self.assertEqual(methods(bob), [])
        self.assert_empty()


class OverloadTests(CallCase):
    def test_a_refused_handler_that_swallows_its_cancellation_is_closed(self) -> None:
        class Stubborn(sipexpress.Router):
            async def route(self) -> Any:
                try:
                    while True:
                        with contextlib.suppress(Exception):
                            await Deferred()
                        rounds.append(True)
                finally:
                    closed.append(True)

        rounds, closed = list[bool](), list[bool]()
        self.server = self.serve(Stubborn, max_pending=0)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [503])
        self.assertEqual((rounds, closed), ([True], []))
        self.clock.advance(3)
        self.assertEqual((rounds, closed), ([True], [True]))
        self.assert_empty()
