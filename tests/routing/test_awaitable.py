"""Answers that may not be there yet: no truth value, waited for in every way Twisted knows, never dropped silently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    ensureDeferred,
    gatherResults,
    inlineCallbacks,
    maybeDeferred,
)

from sipexpress import failure_route, onreply_route, use
from sipexpress.errors import RouteError
from sipexpress.modules import Registrar, Usrloc
from sipexpress.testing import IncomingCall
from tests.routing.case import Bare, FaceTestCase


class Asking(Bare):
    """A router with a module that may wait, and helpers of its own that do."""

    usrloc = use(Usrloc)
    registrar = use(Registrar)

    def __init__(self, test: FaceTestCase) -> None:
        self.test = test

    async def known(self, value: Any = True) -> Any:
        """An answer that is there already."""
        return value

    async def later(self, value: Any = True, seconds: float = 1) -> Any:
        """An answer that comes later."""
        await self.test.pause(seconds)
        return value


class AskingCase(FaceTestCase):
    """Tests with a router that is an Asking."""

    def asking(self, route: Callable[[Any], Any]) -> None:
        """Start a server with that route."""
        self.start(type("Given", (Asking,), {"route": route})(self))


class TruthTests(AskingCase):
    """A forgotten `await` in a condition is never true, and never false."""

    uses: tuple[tuple[str, Callable[[Any], object]], ...] = (
        ("if", lambda answer: 1 if answer else 2),
        ("not", lambda answer: not answer),
        ("bool", bool),
        ("any", lambda answer: any([answer])),
        ("and", lambda answer: answer and 1),
        ("== True", lambda answer: answer == True),  # noqa: E712
        ("== 1", lambda answer: answer == 1),
        ("!= None", lambda answer: answer != None),  # noqa: E711
        ("in", lambda answer: answer in (True, False)),
    )

    def refused(self, ask: Callable[[Any], Any]) -> list[str]:
        """What each use of the answer says."""

        async def route(self: Any) -> None:
            for name, truth in uses:
                answer = ask(self)
                try:
                    truth(answer)
                except RouteError as error:
                    said.append(str(error))
                else:
                    said.append(f"{name} was accepted")
                await answer
            self.ok()

        uses, said = self.uses, list[str]()
        self.asking(route)
        self.assertEqual(self.ask(seconds=20).status, 200)
        return said

    def test_of_a_module_function(self) -> None:
        said = self.refused(lambda self: self.registrar.registered("location"))
        text = "the answer of registrar.registered() is not there yet: write `await` before the call"
        self.assertEqual(said, [text] * len(self.uses))

    def test_of_an_own_helper(self) -> None:
        said = self.refused(lambda self: self.known())
        self.assertEqual(
            said, ["the answer of known() is not there yet: write `await` before the call"] * len(self.uses)
        )

    def test_of_an_own_helper_that_waits(self) -> None:
        said = self.refused(lambda self: self.later())
        self.assertEqual(
            said, ["the answer of later() is not there yet: write `await` before the call"] * len(self.uses)
        )

    def test_greater_than_is_an_error_too(self) -> None:
        async def route(self: Any) -> None:
            answer = self.known(1)
            try:
                answer > 0  # noqa: B015
            except TypeError:
                self.ok()
            await answer

        self.asking(route)
        self.assertEqual(self.ask().status, 200)

    def test_answers_may_be_compared_with_each_other(self) -> None:
        async def route(self: Any) -> None:
            one, two = self.known(), self.known()
            self.ok((one == one, one == two, len({one, two})))
            await one
            await two

        self.asking(route)
        self.assertEqual(self.said(self.ask()), "(True, False, 2)")


class WaitingTests(AskingCase):
    """Every way of waiting for an answer, whether it is there already or not."""

    def answers(self, wait: Callable[[Any, Any], Any]) -> list[str]:
        """What a route says that waits for a known and for a late answer."""

        async def route(self: Any) -> None:
            helper = self.known if self.method == "INFO" else self.later
            self.ok(await wait(self, helper("value")))

        self.asking(route)
        said = [self.said(self.ask(method, seconds=3)) for method in ("INFO", "MESSAGE")]
        self.assertEqual(self.flushLoggedErrors(), [])
        return said

    def test_await(self) -> None:
        self.assertEqual(self.answers(lambda self, answer: answer), ["value", "value"])

    def test_await_twice(self) -> None:
        async def twice(self: Any, answer: Any) -> Any:
            return await answer, await answer

        self.assertEqual(self.answers(twice), ["('value', 'value')"] * 2)

    def test_yield_in_inline_callbacks(self) -> None:
        @inlineCallbacks
        def generator(self: Any, answer: Any) -> Any:
            value = yield answer
            return value

        self.assertEqual(self.answers(generator), ["value", "value"])

    def test_gather_results(self) -> None:
        def both(self: Any, answer: Any) -> Any:
            return gatherResults([answer, self.known(2), self.later(3)])

        self.assertEqual(self.answers(both), ["['value', 2, 3]"] * 2)

    def test_deferred_list(self) -> None:
        self.assertEqual(self.answers(lambda self, answer: DeferredList([answer])), ["[(True, 'value')]"] * 2)

    def test_callbacks(self) -> None:
        self.assertEqual(self.answers(lambda self, answer: answer.addCallback(str.upper)), ["VALUE", "VALUE"])

    def test_a_callback_that_returns_an_answer(self) -> None:
        def chain(self: Any, answer: Any) -> Any:
            return answer.addCallback(lambda value: self.later(value * 2)).addCallback(lambda value: self.known(value))

        self.assertEqual(self.answers(chain), ["valuevalue"] * 2)

    def test_handed_on_to_another_deferred(self) -> None:
        def chained(self: Any, answer: Any) -> Any:
            other: Deferred[Any] = Deferred()
            answer.chainDeferred(other)
            return other

        self.assertEqual(self.answers(chained), ["value", "value"])

    def test_maybe_deferred_and_ensure_deferred(self) -> None:
        self.assertEqual(
            self.answers(lambda self, answer: maybeDeferred(lambda: ensureDeferred(answer))), ["value", "value"]
        )

    def test_paused(self) -> None:
        def pause(self: Any, answer: Any) -> Any:
            answer.pause()
            self.test.clock.callLater(2, answer.unpause)
            return answer

        self.assertEqual(self.answers(pause), ["value", "value"])

    def test_a_timeout_that_does_not_pass(self) -> None:
        def limit(self: Any, answer: Any) -> Any:
            return answer.addTimeout(2, self.test.clock)

        self.assertEqual(self.answers(limit), ["value", "value"])

    def test_a_timeout_that_passes(self) -> None:
        async def route(self: Any) -> None:
            try:
                await self.later(seconds=5).addTimeout(1, self.test.clock)
            except defer.TimeoutError:
                self.ok(self.test.clock.elapsed)

        self.asking(route)
        self.assertAlmostEqual(float(self.said(self.ask(seconds=6))), 1.0, places=1)

    def test_canceling_ends_the_work(self) -> None:
        class Canceling(Asking):
            async def route(self) -> None:
                answer = self.work()
                answer.cancel()  # type: ignore[attr-defined]
                try:
                    await answer
                except CancelledError:
                    self.ok(seen)

            async def work(self) -> None:
                try:
                    await self.test.pause(5)
                finally:
                    seen.append("ended")

        seen = list[str]()
        self.start(Canceling(self))
        self.assertEqual(self.said(self.ask()), "['ended']")

    def test_canceling_a_known_one_changes_nothing(self) -> None:
        async def cancel(self: Any, answer: Any) -> Any:
            if self.method == "INFO":
                answer.cancel()
            return await answer

        self.assertEqual(self.answers(cancel), ["value", "value"])

    def test_of_a_module_in_the_same_ways(self) -> None:
        async def route(self: Any) -> None:
            first = await self.registrar.registered("location")
            second = await gatherResults([self.registrar.registered("location") for _ in range(2)])
            self.ok((first, second))

        self.asking(route)
        self.assertEqual(self.said(self.ask()), "(False, [False, False])")

    def test_an_exception_of_a_helper_shows_its_line(self) -> None:
        class Failing(Asking):
            async def route(self) -> None:
                await self.fail()

            async def fail(self) -> None:
                await self.test.pause(0.01)
                raise KeyError("on this line")

        self.start(Failing(self))
        self.assertEqual(self.ask().status, 500)
        (failure,) = self.flushLoggedErrors(KeyError)
        self.assertIn('raise KeyError("on this line")', failure.getTraceback())


class DroppedTests(AskingCase):
    """An answer that nobody waits for: logged with names, its work ended, the request answered 500."""

    def test_a_module_function(self) -> None:
        def route(self: Any) -> None:
            self.registrar.registered("location")
            self.tm.t_relay()

        lines = self.logged()
        self.asking(route)
        self.assertEqual(self.ask().statuses, [500])
        self.assertEqual(len(lines), 1)
        self.assertIn("route: the answer of registrar.registered() was dropped: write `await` before", lines[0])
        self.assertIn("Call-ID call-alice", lines[0])

    def test_a_helper_that_waits_is_ended(self) -> None:
        class Forgetful(Asking):
            async def route(self) -> None:
                self.check()  # type: ignore[unused-coroutine]
                await self.test.pause(1)
                seen.append(self.ok())

            async def check(self) -> bool:
                try:
                    await self.test.pause(0.5)
                except CancelledError:
                    seen.append("canceled")
                    raise
                return True

        seen = list[Any]()
        lines = self.logged()
        self.start(Forgetful(self))
        self.assertEqual(self.ask(seconds=3).statuses, [500])
        self.assertEqual(seen, ["canceled", False])
        self.assertIn("the answer of check() was dropped", lines[0])

    def test_a_helper_of_inline_callbacks(self) -> None:
        class Forgetful(Asking):
            def route(self) -> None:
                self.check()
                self.ok()

            @inlineCallbacks
            def check(self) -> Any:
                yield self.test.pause(0)
                return True

        lines = self.logged()
        self.start(Forgetful(self))
        self.assertEqual(self.ask().statuses, [500])
        self.assertIn("the answer of check() was dropped", lines[0])

    def test_in_a_failure_route(self) -> None:
        class Forgetful(Asking):
            def route(self) -> None:
                self.tm.t_on_failure(self.failed)
                self.rewritehost("10.9.9.9")
                self.tm.t_relay()

            @failure_route
            def failed(self) -> None:
                self.known()  # type: ignore[unused-coroutine]

        lines = self.logged()
        self.start(Forgetful(self))
        self.assertEqual(self.ask(seconds=1).statuses, [500])
        self.assertIn("failure_route: the answer of known() was dropped", lines[0])

    def test_after_forwarding_the_branches_are_canceled(self) -> None:
        def route(self: Any) -> None:
            self.rewritehost("10.0.1.1")
            self.tm.t_relay()
            if self.method == "INVITE":
                self.test.clock.callLater(1, self.known)

        lines = self.logged()
        self.asking(route)
        bob = self.phone("bob")
        call = self.phone("alice").invite("bob")
        self.clock.advance(2)
        self.assertEqual(call.status, 500)
        self.assertTrue(bob.calls[0].canceled)
        self.assertIn("the answer of known() was dropped", lines[0])

    def test_in_a_reply_route_an_answered_call_is_left_alone(self) -> None:
        class Forgetful(Asking):
            def route(self) -> None:
                self.tm.t_on_reply(self.replied)
                self.rewritehost("10.0.1.1")
                self.tm.t_relay()

            @onreply_route
            def replied(self) -> None:
                if self.status == "200":
                    self.test.clock.callLater(1, self.known)

        lines = self.logged()
        self.start(Forgetful(self))
        bob = self.phone("bob")
        bob.on_call = IncomingCall.answer
        call = self.phone("alice").invite("bob")
        self.clock.advance(3)
        self.assertEqual(call.statuses, [100, 200])
        self.assertFalse(bob.calls[0].canceled)
        self.assertIn("onreply_route: the answer of known() was dropped", lines[0])

    def test_waited_for_ones_are_not_reported(self) -> None:
        async def route(self: Any) -> Any:
            await self.known()
            await self.later()
            await gatherResults([self.known(), self.later()])
            self.known().addCallback(lambda _: None)
            self.ok()
            return self.later()

        lines = self.logged()
        self.asking(route)
        self.assertEqual(self.ask(seconds=5).statuses, [200])
        self.assertEqual(lines, [])
