"""A router's own waiting helpers are guarded like module functions: a bare coroutine is always true."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import inlineCallbacks, succeed

from sipexpress.errors import RouteError
from tests.routing.case import Bare, FaceTestCase


class HelperCase(FaceTestCase):
    """Tests of one helper, in a condition without `await`, and with it."""

    def guarded(self, router: type) -> None:
        """Neither the condition nor a dropped answer lets the request through, and waiting works."""
        self.start(router)
        self.assertEqual(self.ask("INFO").statuses, [500])
        self.assertIn("the answer of allowed() is not there yet", self.failure(RouteError))
        lines = self.logged()
        self.assertEqual(self.ask("NOTIFY").statuses, [500])
        self.assertIn("the answer of allowed() was dropped", lines[0])
        self.assertEqual(self.ask("MESSAGE", seconds=1).statuses, [403])
        self.assertEqual(self.flushLoggedErrors(), [])


class Open(Bare):
    """Asks whether the request is allowed, in three ways."""

    allowed: Any

    async def route(self) -> None:
        if self.method == "INFO":
            if self.allowed():
                self.ok()
        elif self.method == "NOTIFY":
            self.allowed()
            self.ok()
        elif await self.allowed():
            self.ok()
        else:
            self.sl.sl_send_reply(403, "Forbidden")


class GuardTests(HelperCase):
    """Helpers of every kind."""

    def test_a_method(self) -> None:
        class Office(Open):
            async def allowed(self) -> bool:
                return self.method == "PUBLISH"

        self.guarded(Office)

    def test_a_method_with_arguments(self) -> None:
        class Office(Open):
            async def route(self) -> None:
                found = [await self.pick(1), await self.pick(number=2), await self.pick(3, times=2)]
                self.ok(found)

            async def pick(self, number: int, *, times: int = 1) -> int:
                return number * times

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "[1, 2, 6]")

    def test_a_method_of_inline_callbacks(self) -> None:
        class Office(Open):
            @inlineCallbacks
            def allowed(self) -> Any:
                yield succeed(None)
                return self.method == "PUBLISH"

        self.guarded(Office)

    def test_a_static_method(self) -> None:
        class Office(Open):
            @staticmethod
            async def allowed() -> bool:
                return False

        self.guarded(Office)

    def test_a_static_method_of_inline_callbacks(self) -> None:
        class Office(Open):
            @staticmethod
            @inlineCallbacks
            def allowed() -> Any:
                yield succeed(None)
                return False

        self.guarded(Office)

    def test_a_class_method(self) -> None:
        class Office(Open):
            open_to_all = False

            @classmethod
            async def allowed(cls) -> bool:
                return cls.open_to_all

        self.guarded(Office)

    def test_a_method_of_a_mixin(self) -> None:
        class Mixin:
            async def allowed(self) -> bool:
                return False

        class Office(Mixin, Open):
            pass

        self.guarded(Office)

    def test_a_static_method_of_a_mixin(self) -> None:
        class Mixin:
            @staticmethod
            async def allowed() -> bool:
                return False

        class Office(Mixin, Open):
            pass

        self.guarded(Office)

    def test_an_override(self) -> None:
        class Base(Open):
            async def allowed(self) -> bool:
                return True

        class Office(Base):
            async def allowed(self) -> bool:
                return not await super().allowed()

        self.guarded(Office)

    def test_a_plain_override_is_no_answer(self) -> None:
        class Base(Bare):
            async def allowed(self) -> bool:
                return False

        class Office(Base):
            def allowed(self) -> bool:  # type: ignore[override]
                return True

            def route(self) -> None:
                if self.allowed():
                    self.ok()

        self.start(Office)
        self.assertEqual(self.ask().status, 200)

    def test_it_starts_at_the_call(self) -> None:
        class Office(Bare):
            async def route(self) -> None:
                answer = self.note()
                seen.append("after the call")
                await answer
                self.ok(seen)

            async def note(self) -> None:
                seen.append("in the helper")

        seen = list[str]()
        self.start(Office)
        self.assertEqual(self.said(self.ask()), "['in the helper', 'after the call']")

    def test_a_helper_that_raises_at_once(self) -> None:
        class Office(Bare):
            async def route(self) -> None:
                answer = self.broken()
                try:
                    await answer
                except KeyError:
                    self.ok("caught where it was waited for")

            async def broken(self) -> None:
                raise KeyError

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "caught where it was waited for")

    def test_helpers_that_call_each_other_and_wait(self) -> None:
        class Office(Bare):
            async def route(self) -> None:
                self.ok(await self.sum(4))

            async def sum(self, number: int) -> int:
                await test.pause(0.1)
                return number + (await self.sum(number - 1) if number else 0)

        test = self
        self.start(Office)
        self.assertEqual(self.said(self.ask(seconds=1)), "10")

    def test_exit_inside_a_helper_ends_the_route(self) -> None:
        test = self
        for seconds in (0.0, 0.3):

            class Office(Bare):
                async def route(self) -> None:
                    try:
                        await self.deep(seconds)  # noqa: B023
                    except Exception:
                        self.ok("exit was caught")
                    self.ok("exit did not end the route")

                async def deep(self, seconds: float) -> None:
                    if seconds:
                        await test.pause(seconds)
                    self.sl.sl_send_reply(403, "Enough")
                    self.exit()

            server = self.start(Office, host=f"10.0.0.{int(seconds * 10) + 1}")
            exchange = self.ask(seconds=1, server=(server.sockets[0].host, 5060))
            self.assertEqual(exchange.statuses, [403])
            self.assertEqual((self.flushLoggedErrors(), len(server.runs)), ([], 0))

    def test_on_the_router_itself_it_is_an_ordinary_coroutine(self) -> None:
        class Office(Bare):
            async def started(self, server: Any) -> None:
                self.names = await self.load()

            async def load(self) -> list[str]:
                return ["loaded"]

            def route(self) -> None:
                self.ok(self.names)

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "['loaded']")
