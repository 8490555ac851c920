"""What a run leaves behind: nothing that only the cycle collector could free."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from sipexpress import failure_route, onreply_route
from sipexpress.testing import IncomingCall
from tests.routing.case import Bare, FaceTestCase


class Token:
    """Something that a call holds."""


class GarbageTests(FaceTestCase):
    """The collector is off; twins and calls have to go by themselves."""

    def setUp(self) -> None:
        """Collect what there is, and switch the collector off."""
        super().setUp()
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.kept: list[weakref.ref[Any]] = []

    def keep(self, router: Any) -> None:
        """Remember a twin and its call."""
        router.token = Token()
        self.kept += [weakref.ref(router), weakref.ref(router.token)]

    def left(self, router: Any, method: str = "MESSAGE", seconds: float = 60) -> int:
        """How many twins and calls live on a minute after a request."""
        self.start(router, route_timeout=3)
        self.phone("bob").on_call = IncomingCall.reject
        if method == "INVITE":
            self.phone("alice").invite("bob")
        else:
            self.ask(method)
        self.clock.advance(seconds)
        self.assertTrue(self.kept)
        return sum(reference() is not None for reference in self.kept)

    def of(self, route: Callable[[Any], Any]) -> int:
        """The same for a route that is a function."""
        return self.left(type("Office", (Bare,), {"route": route}))

    def test_plain(self) -> None:
        def route(self: Any) -> None:
            test.keep(self)
            self.ok()

        test = self
        self.assertEqual(self.of(route), 0)

    def test_async(self) -> None:
        async def route(self: Any) -> None:
            test.keep(self)
            self.ok()

        test = self
        self.assertEqual(self.of(route), 0)

    def test_waiting(self) -> None:
        async def route(self: Any) -> None:
            test.keep(self)
            await test.pause(1)
            self.ok()

        test = self
        self.assertEqual(self.of(route), 0)

    def test_inline_callbacks(self) -> None:
        @inlineCallbacks
        def route(self: Any) -> Any:
            test.keep(self)
            yield test.pause(1)
            self.ok()

        test = self
        self.assertEqual(self.of(route), 0)

    def test_waiting_helpers(self) -> None:
        class Office(Bare):
            async def route(self) -> None:
                test.keep(self)
                await self.helper()
                self.ok()

            async def helper(self) -> None:
                await test.pause(1)

        test = self
        self.assertEqual(self.left(Office), 0)

    def test_ended_at_the_limit(self) -> None:
        async def route(self: Any) -> None:
            test.keep(self)
            await Deferred()

        test = self
        self.assertEqual(self.of(route), 0)

    def test_an_exception(self) -> None:
        class Office(Bare):
            async def route(self) -> None:
                test.keep(self)
                await self.helper()

            async def helper(self) -> None:
                await test.pause(1)
                raise KeyError

        test = self
        self.start(Office)
        self.assertEqual(self.ask(seconds=2).statuses[-1], 500)
        self.failure(KeyError)
        self.assertEqual([reference() is not None for reference in self.kept], [False, False])

    def test_a_helper_whose_answer_is_dropped(self) -> None:
        class Office(Bare):
            def route(self) -> None:
                self.helper()  # type: ignore[unused-coroutine]

            async def helper(self) -> None:
                test.keep(self)
                await test.pause(1)

        test = self
        self.assertEqual(self.left(Office), 0)

    def test_a_helper_in_a_condition(self) -> None:
        class Office(Bare):
            def route(self) -> None:
                if self.helper():  # type: ignore[truthy-bool]
                    self.ok()

            async def helper(self) -> None:
                test.keep(self)
                await test.pause(1)

        test = self
        self.start(Office)
        self.assertEqual(self.ask(seconds=2).statuses[-1], 500)
        self.failure()
        self.assertEqual([reference() is not None for reference in self.kept], [False, False])

    def test_exit(self) -> None:
        async def route(self: Any) -> None:
            test.keep(self)
            await test.pause(1)
            self.ok()
            self.exit()

        test = self
        self.assertEqual(self.of(route), 0)

    def test_a_call_with_every_kind_of_route(self) -> None:
        class Office(Bare):
            def route(self) -> None:
                test.keep(self)
                self.tm.t_on_failure(self.failed)
                self.tm.t_on_reply(self.replied)
                self.rewritehostport("10.0.1.1:5060")
                self.tm.t_relay()

            @onreply_route
            async def replied(self) -> None:
                test.kept.append(weakref.ref(self))
                await test.pause(0.1)

            @failure_route
            async def failed(self) -> None:
                test.kept.append(weakref.ref(self))
                await test.pause(0.1)
                self.tm.t_reply(480, "No")

        test = self
        self.assertEqual(self.left(Office, "INVITE", 300), 0)
        self.assertEqual(len(self.kept), 4)
