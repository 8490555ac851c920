"""A route that raises or exits: each kind of route."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import branch_route, failure_route, onreply_route, use
from sipexpress.modules import Sl
from sipexpress.testing import IncomingCall
from tests.routers import Plain
from tests.server.behavior import CallCase, pause, reject
from tests.server.log_case import LogCase


class Boom(Exception):
    """What the routes of these tests raise."""


class RaisingTests(LogCase):
    def test_in_the_request_route_it_is_answered_500_and_logged_with_the_call_id(self) -> None:
        self.raised_in_the_request_route(waits=False)

    def test_in_a_request_route_that_waited(self) -> None:
        self.raised_in_the_request_route(waits=True)

    def raised_in_the_request_route(self, waits: bool) -> None:
        class Raising(Plain):
            async def route(self) -> Any:
                if waits:
                    await pause(clock, 1)
                raise Boom

        clock = self.clock
        self.server = self.serve(Raising)
        call = self.phone("alice").invite("bob")
        self.clock.advance(2)
        self.assertEqual(call.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)
        (text,) = self.logged("critical")
        self.assertIn(call.request.call_id.decode(), text)
        self.assertIn("INVITE sip:bob@10.0.0.1", text)
        self.assert_empty()

    def test_in_a_branch_route_it_fails_that_branch(self) -> None:
        class Raising(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("fail_first")
                return await super().route()

            @branch_route
            def fail_first(self) -> None:
                assert self.branch is not None
                if self.branch.index == 0:
                    raise Boom

        self.server = self.serve(Raising)
        one, two = self.phones("bob", IncomingCall.ring, IncomingCall.answer)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 200])
        self.assertEqual((one.calls, len(two.calls)), ([], 1))
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)
        self.assert_empty()

    def test_in_every_branch_route(self) -> None:
        class Raising(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("fail")
                return await super().route()

            @branch_route
            async def fail(self) -> None:
                await pause(clock, 1)
                raise Boom

        clock = self.clock
        self.server = self.serve(Raising)
        self.phones("bob", IncomingCall.ring, IncomingCall.ring)
        call = self.phone("alice").invite("bob")
        self.clock.advance(2)
        self.assertEqual(call.statuses, [100, 500])
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 2)
        self.assert_empty()

    def test_in_a_reply_route_the_reply_goes_on(self) -> None:
        class Raising(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply("fail")
                return await super().route()

            @onreply_route
            async def fail(self) -> None:
                if self.status == "200":
                    await pause(clock, 0.1)
                raise Boom

        clock = self.clock
        self.server = self.serve(Raising)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(0.5)
        bob.calls[0].answer()
        self.clock.advance(0.4)
        self.assertEqual(call.statuses, [100, 180, 200])
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 2)
        self.assert_empty()

    def test_in_a_failure_route_the_failure_goes_on(self) -> None:
        self.raised_in_a_failure_route(waits=False)

    def test_in_a_failure_route_that_waited(self) -> None:
        self.raised_in_a_failure_route(waits=True)

    def raised_in_a_failure_route(self, waits: bool) -> None:
        class Raising(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("fail")
                return await super().route()

            @failure_route
            async def fail(self) -> None:
                if waits:
                    await pause(clock, 0.1)
                raise Boom

        clock = self.clock
        self.server = self.serve(Raising)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = reject(486)
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 486])
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)
        self.assert_empty()

    def test_in_a_failure_route_that_has_forwarded(self) -> None:
        class Raising(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("fail")
                return await super().route()

            @failure_route
            def fail(self) -> None:
                self.append_branch("sip:desk@10.0.9.9")
                self.tm.t_relay()
                raise Boom

        self.server = self.serve(Raising)
        desk = self.phone("desk", "10.0.9.9")
        desk.on_call = IncomingCall.answer
        self.phones("bob", reject(486))
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 200])
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)

    def test_other_calls_go_on(self) -> None:
        class Raising(Plain):
            async def route(self) -> Any:
                if self.from_uri.startswith("sip:mallory"):
                    await pause(clock, 0.5)
                    raise Boom
                return await super().route()

        clock = self.clock
        self.server = self.serve(Raising)
        alice, bob = self.registered("alice", "bob")
        mallory = self.phone("mallory")
        bob.on_call = IncomingCall.answer
        bad = [mallory.invite("bob") for _ in range(5)]
        good = [alice.invite("bob") for _ in range(5)]
        self.clock.advance(1)
        self.assertEqual({call.status for call in bad}, {500})
        self.assertEqual({call.status for call in good}, {200})
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 5)

    def test_a_function_in_the_wrong_kind_of_route_names_both(self) -> None:
        class Wrong(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply("answer")
                return await super().route()

            @onreply_route
            def answer(self) -> None:
                self.sl.sl_send_reply(404, "Here?")

        self.server = self.serve(Wrong)
        alice, _ = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 180])
        (failure,) = self.flushLoggedErrors(sipexpress.errors.RouteError)
        self.assertIn("sl_send_reply", failure.getErrorMessage())
        self.assertIn("onreply_route", failure.getErrorMessage())


class ExitTests(CallCase):
    def test_in_every_kind_of_route(self) -> None:
        class Exiting(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("to_branch")
                self.tm.t_on_reply("to_reply")
                self.tm.t_on_failure("to_failure")
                await super().route()
                self.exit()

            @branch_route
            def to_branch(self) -> None:
                self.msg.add("X-Branch", "1")
                self.exit()

            @onreply_route
            async def to_reply(self) -> None:
                await pause(clock, 0.1)
                self.exit()

            @failure_route
            def to_failure(self) -> None:
                self.tm.t_reply(480, "Exited")
                self.exit()

        clock = self.clock
        self.server = self.serve(Exiting)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = reject(486)
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(bob.calls[0].request.header("x-branch"), b"1")
        self.assertEqual((call.statuses, call.response.reason), ([100, 480], "Exited"))
        self.assert_empty()

    def test_from_a_helper_that_waited(self) -> None:
        class Exiting(sipexpress.Router):
            sl = use(Sl)

            async def route(self) -> Any:
                await self.helper()
                self.sl.sl_send_reply(500, "The route went on")

            async def helper(self) -> None:
                await pause(clock, 0.5)
                self.sl.sl_send_reply(403, "Enough")
                self.exit()

        clock = self.clock
        self.server = self.serve(Exiting)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 403])
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assert_empty()
