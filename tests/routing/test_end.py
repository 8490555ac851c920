"""How a run ends before its route does: exit, the time limit, shutdown, an exception."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from sipexpress.errors import RouteError
from tests.routing.case import FaceTestCase


class EndTests(FaceTestCase):
    """How a run ends before its route does."""

    def test_exit_passes_except_exception(self) -> None:
        def route(self: Any) -> None:
            try:
                deep(self, 10)
            except Exception:
                self.ok("exit was caught")
            self.ok("exit did not end the route")

        def deep(router: Any, depth: int) -> None:
            if depth:
                deep(router, depth - 1)
            router.sl.sl_send_reply(403, "Enough")
            router.exit()

        self.route(route)
        self.assertEqual(self.ask().statuses, [403])
        self.assertEqual((self.flushLoggedErrors(), len(self.server.runs)), ([], 0))

    def test_exit_after_waiting(self) -> None:
        async def route(self: Any) -> None:
            await test.pause(1)
            self.sl.sl_send_reply(403, "Enough")
            self.exit()

        test = self
        self.route(route)
        self.assertEqual(self.ask(seconds=2).statuses, [403])
        self.assertEqual((self.flushLoggedErrors(), len(self.server.runs)), ([], 0))

    def test_exit_in_a_callback(self) -> None:
        def route(self: Any) -> Any:
            return test.pause(1).addCallback(lambda _: (self.sl.sl_send_reply(403, "Enough"), self.exit()))

        test = self
        self.route(route)
        self.assertEqual(self.ask(seconds=2).statuses, [403])
        self.assertEqual((self.flushLoggedErrors(), len(self.server.runs)), ([], 0))

    def test_at_the_limit_it_may_clean_up_and_wait_for_that(self) -> None:
        async def route(self: Any) -> None:
            try:
                await Deferred()
            except CancelledError:
                await test.pause(0.5)
                seen.append("cleaned up")
                raise

        test, seen = self, list[str]()
        self.route(route, route_timeout=3)
        self.assertEqual(self.ask(seconds=5).statuses[-1], 500)
        self.assertEqual((seen, len(self.server.runs)), (["cleaned up"], 0))

    def test_at_the_limit_it_may_still_answer(self) -> None:
        async def route(self: Any) -> None:
            try:
                await Deferred()
            except CancelledError:
                self.sl.sl_send_reply(504, "Server Time-out")

        self.route(route, route_timeout=3)
        self.assertEqual(self.ask(seconds=5).statuses[-1], 504)

    def test_one_that_swallows_everything_is_closed(self) -> None:
        async def route(self: Any) -> None:
            for _ in range(3):
                try:
                    await Deferred()
                except BaseException as error:
                    seen.append(type(error).__name__)

        seen = list[str]()
        self.route(route, route_timeout=3)
        self.assertEqual(self.ask(seconds=10).statuses[-1], 500)
        self.assertEqual(seen[:2], ["CancelledError", "GeneratorExit"])
        self.assertEqual((len(self.server.runs), self.server.pending.count), (0, 0))

    def test_a_late_answer_is_swallowed(self) -> None:
        async def route(self: Any) -> None:
            while True:
                try:
                    await late
                except CancelledError:
                    await late2

        late: Deferred[None] = Deferred()
        late2: Deferred[None] = Deferred(lambda _: None)
        self.route(route, route_timeout=3)
        exchange = self.ask(seconds=10)
        late2.callback(None)
        self.clock.advance(1)
        self.assertEqual(exchange.statuses[-1], 500)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_the_limit_counts_for_each_run(self) -> None:
        async def route(self: Any) -> None:
            await test.pause(2)
            self.ok()

        test = self
        self.route(route, route_timeout=3)
        exchanges = [self.ask(seconds=1) for _ in range(3)]
        self.clock.advance(5)
        self.assertEqual([exchange.status for exchange in exchanges], [200, 200, 200])

    def test_shutdown_cancels_it(self) -> None:
        async def route(self: Any) -> None:
            try:
                await Deferred()
            finally:
                seen.append("cleaned up")

        seen = list[str]()
        server = self.route(route)
        self.ask()
        self.successResultOf(server.stopService())
        self.assertEqual(seen, ["cleaned up"])
        self.assertEqual(len(server.runs), 0)

    def test_an_unmarked_error_names_request_and_call(self) -> None:
        def route(self: Any) -> None:
            raise RouteError("on purpose")

        lines = self.logged()
        self.route(route)
        self.assertEqual(self.ask().statuses, [500])
        self.assertTrue(lines[0].startswith("route failed: MESSAGE sip:bob@10.0.0.1 (Call-ID call-alice-"), lines[0])
        self.failure()
