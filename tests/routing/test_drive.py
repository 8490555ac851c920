"""What a route may be, how it is driven, and how it ends."""

from __future__ import annotations

import asyncio
import types
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.task import deferLater

from tests.routing.case import Bare, FaceTestCase


class KindTests(FaceTestCase):
    """Plain, async, a Deferred, a returned coroutine."""

    def ended(self) -> None:
        """Nothing is left of any run."""
        self.assertEqual((len(self.server.runs), self.server.pending.count), (0, 0))

    def test_plain(self) -> None:
        self.route(lambda self: self.ok("plain"))
        self.assertEqual(self.said(self.ask()), "plain")
        self.ended()

    def test_what_a_plain_one_returns_does_not_matter(self) -> None:
        for number, value in enumerate((0, "text", [1], object())):

            def route(self: Any) -> Any:
                self.ok("returned something")
                return value  # noqa: B023

            server = self.route(route, host=f"10.0.0.{number + 1}")
            self.assertEqual(self.ask(server=(server.sockets[0].host, 5060)).statuses, [200])
            self.ended()

    def test_async_that_does_not_wait(self) -> None:
        async def route(self: Any) -> None:
            self.ok("async")

        self.route(route)
        self.assertEqual(self.said(self.ask()), "async")
        self.ended()

    def test_async_that_waits(self) -> None:
        async def route(self: Any) -> None:
            await test.pause(1)
            self.ok("async")

        test = self
        self.route(route)
        exchange = self.ask(seconds=0.5)
        self.assertEqual((exchange.statuses, len(self.server.runs)), ([], 1))
        self.clock.advance(1)
        self.assertEqual(self.said(exchange), "async")
        self.ended()

    def test_a_deferred_that_fires_later(self) -> None:
        def route(self: Any) -> Any:
            return test.pause(1).addCallback(lambda _: self.ok("deferred"))

        test = self
        self.route(route)
        self.assertEqual(self.said(self.ask(seconds=2)), "deferred")
        self.ended()

    def test_a_deferred_that_has_fired(self) -> None:
        self.route(lambda self: succeed(self.ok("fired")))
        self.assertEqual(self.said(self.ask()), "fired")
        self.ended()

    def test_a_deferred_that_fails(self) -> None:
        def route(self: Any) -> Any:
            return test.pause(1).addCallback(lambda _: 1 // 0)

        test = self
        self.route(route)
        self.assertEqual(self.ask(seconds=2).status, 500)
        self.failure(ZeroDivisionError)
        self.ended()

    def test_inline_callbacks(self) -> None:
        @inlineCallbacks
        def route(self: Any) -> Any:
            yield test.pause(1)
            self.ok("inlineCallbacks")

        test = self
        self.route(route)
        self.assertEqual(self.said(self.ask(seconds=2)), "inlineCallbacks")
        self.ended()

    def test_a_plain_one_that_returns_a_coroutine(self) -> None:
        class Office(Bare):
            def route(self) -> Any:
                return finish(self)

        async def finish(router: Office) -> None:
            if router.method == "INFO":
                await test.pause(1)
            router.ok("returned")

        test = self
        self.start(Office)
        self.assertEqual([self.said(self.ask(method, seconds=2)) for method in ("INFO", "MESSAGE")], ["returned"] * 2)
        self.ended()

    def test_a_returned_coroutine_that_raises(self) -> None:
        async def fail() -> None:
            raise KeyError

        self.route(lambda self: fail())
        self.assertEqual(self.ask().statuses, [500])
        self.failure(KeyError)
        self.ended()

    def test_an_async_one_that_returns_an_answer(self) -> None:
        class Office(Bare):
            async def route(self) -> Any:
                return self.finish()

            async def finish(self) -> None:
                await test.pause(1)
                self.ok("returned")

        test = self
        self.start(Office)
        self.assertEqual(self.said(self.ask(seconds=2)), "returned")
        self.ended()

    def test_a_coroutine_that_returns_a_coroutine_after_waiting(self) -> None:
        async def finish(router: Any) -> None:
            await test.pause(1)
            router.ok("returned")

        async def route(self: Any) -> Any:
            await test.pause(1)
            return finish(self)

        test = self
        self.route(route)
        self.assertEqual(self.said(self.ask(seconds=3)), "returned")
        self.ended()

    def test_a_generator_is_refused(self) -> None:
        def route(self: Any) -> Any:
            yield self.ok()

        self.route(route)
        self.assertEqual(self.ask().statuses, [500])
        self.assertIn("holds `yield`: decorate it with inlineCallbacks, or make it async def", self.failure())

    def test_an_async_generator_is_refused(self) -> None:
        async def route(self: Any) -> Any:
            yield self.ok()

        self.route(route)
        self.assertEqual(self.ask().statuses, [500])
        self.assertIn("holds `yield`", self.failure())

    def test_no_route_at_all(self) -> None:
        self.start(Bare)
        self.assertEqual(self.ask().statuses, [500])
        self.assertEqual(self.failure(NotImplementedError), "Bare has no route()")


class AwaitTests(FaceTestCase):
    """What a route may wait for."""

    def test_a_bare_yield_gives_way_once(self) -> None:
        async def route(self: Any) -> None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.ok("after a turn of the reactor")

        self.route(route)
        self.assertEqual(self.said(self.ask()), "after a turn of the reactor")
        self.assertEqual(len(self.server.runs), 0)

    def test_a_bare_yield_of_an_own_helper(self) -> None:
        class Office(Bare):
            async def route(self) -> None:
                self.ok(await self.turn())

            async def turn(self) -> str:
                await asyncio.sleep(0)
                return "turned"

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "turned")

    def test_a_future_of_asyncio(self) -> None:
        async def route(self: Any) -> None:
            self.ok(await future)

        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        future = loop.create_future()
        self.route(route)
        exchange = self.ask()
        future.set_result("of asyncio")
        loop.run_until_complete(asyncio.sleep(0))
        self.clock.advance(0.1)
        self.assertEqual(self.said(exchange), "of asyncio")

    def test_a_fired_deferred_that_a_generator_yields(self) -> None:
        @types.coroutine
        def raw(value: Any) -> Any:
            got = yield value
            return got

        async def route(self: Any) -> None:
            self.ok(await raw(succeed("fired")))

        self.route(route)
        self.assertEqual(self.said(self.ask()), "fired")
        self.assertEqual((len(self.server.runs), self.server.pending.count), (0, 0))

    def test_anything_else_is_a_type_error_on_the_line(self) -> None:
        class Odd:
            def __await__(self) -> Any:
                yield 5

        async def route(self: Any) -> None:
            await Odd()

        self.route(route)
        self.assertEqual(self.ask().statuses, [500])
        (failure,) = self.flushLoggedErrors(TypeError)
        self.assertEqual(failure.getErrorMessage(), "a route cannot wait for 5")
        self.assertIn("await Odd()", failure.getTraceback())
        self.clock.advance(60)
        self.assertEqual((len(self.server.runs), self.server.pending.count), (0, 0))

    def test_the_type_error_can_be_caught(self) -> None:
        class Odd:
            def __await__(self) -> Any:
                yield 5

        async def route(self: Any) -> None:
            try:
                await Odd()
            except TypeError:
                await test.pause(1)
                self.ok("went on")

        test = self
        self.route(route)
        self.assertEqual(self.said(self.ask(seconds=2)), "went on")

    def test_one_deferred_awaited_by_two_calls(self) -> None:
        async def route(self: Any) -> None:
            self.ok(await shared)

        shared: Deferred[str] = Deferred()
        self.route(route)
        exchanges = [self.ask(), self.ask()]
        shared.callback("shared")
        self.clock.advance(0.1)
        self.assertEqual([self.said(exchange) for exchange in exchanges], ["shared", "shared"])

    def test_a_failure_that_is_caught(self) -> None:
        async def route(self: Any) -> None:
            try:
                await deferLater(test.clock, 1, lambda: 1 // 0)
            except ZeroDivisionError:
                self.ok("caught")

        test = self
        self.route(route)
        self.assertEqual(self.said(self.ask(seconds=2)), "caught")
        self.assertEqual(self.flushLoggedErrors(), [])
