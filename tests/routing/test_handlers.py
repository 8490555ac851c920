"""Handing methods over: t_on_failure, t_on_reply, t_on_branch, and the marks they ask for."""

from __future__ import annotations

import functools
import weakref
from typing import Any

from twisted.internet.defer import inlineCallbacks

from sipexpress import branch_route, failure_route, onreply_route
from sipexpress.errors import RouteError
from sipexpress.testing import IncomingCall
from tests.routing.case import Bare, FaceTestCase


class Failing(Bare):
    """Relays to a busy phone, and picks its failure route."""

    def route(self) -> None:
        self.pick()
        self.rewritehostport("10.0.1.1:5060")
        self.tm.t_relay()

    def pick(self) -> None:
        """Choose the failure route."""
        self.tm.t_on_failure(self.failed)

    @failure_route
    def failed(self) -> Any:
        self.tm.t_reply(480, "failed")


class HandlerCase(FaceTestCase):
    """Tests with a phone that is busy."""

    def outcome(self, router: Any) -> str:
        """The reason of the final response to a call."""
        self.start(router)
        self.phone("bob").on_call = IncomingCall.reject
        call = self.phone("alice").invite("bob")
        self.clock.advance(2)
        return call.response.reason


class AcceptedTests(HandlerCase):
    """What may be handed over."""

    def test_a_bound_method(self) -> None:
        self.assertEqual(self.outcome(Failing), "failed")

    def test_a_name(self) -> None:
        class Office(Failing):
            def pick(self) -> None:
                self.tm.t_on_failure("failed")

        self.assertEqual(self.outcome(Office), "failed")

    def test_a_method_of_the_router_object(self) -> None:
        class Office(Failing):
            def pick(self) -> None:
                self.tm.t_on_failure(self.router.failed)

        self.assertEqual(self.outcome(Office), "failed")

    def test_none_takes_it_back(self) -> None:
        class Office(Failing):
            def pick(self) -> None:
                self.tm.t_on_failure(self.failed)
                self.tm.t_on_failure(None)

        self.assertEqual(self.outcome(Office), "Busy Here")

    def test_an_async_method(self) -> None:
        class Office(Failing):
            @failure_route
            async def failed(self) -> None:
                await test.pause(0.5)
                self.tm.t_reply(480, "waited")

        test = self
        self.assertEqual(self.outcome(Office), "waited")

    def test_inline_callbacks_and_the_mark_in_either_order(self) -> None:
        class Before(Failing):
            @failure_route
            @inlineCallbacks
            def failed(self) -> Any:
                yield test.pause(0.5)
                self.tm.t_reply(480, "mark before")

        class After(Failing):
            @inlineCallbacks
            @failure_route
            def failed(self) -> Any:
                yield test.pause(0.5)
                self.tm.t_reply(480, "mark after")

        test = self
        self.assertEqual(self.outcome(Before), "mark before")
        self.setUp()
        self.assertEqual(self.outcome(After), "mark after")

    def test_a_method_of_a_mixin(self) -> None:
        class Mixin:
            @failure_route
            async def mixed(self: Any) -> None:
                self.tm.t_reply(480, "mixed")

        class Office(Mixin, Failing):
            def pick(self) -> None:
                self.tm.t_on_failure(self.mixed)

        self.assertEqual(self.outcome(Office), "mixed")

    def test_an_override_inherits_the_mark(self) -> None:
        class Office(Failing):
            def failed(self) -> None:
                self.tm.t_reply(480, "overridden")

        self.assertEqual(self.outcome(Office), "overridden")

    def test_an_override_by_name(self) -> None:
        class Office(Failing):
            def pick(self) -> None:
                self.tm.t_on_failure("failed")

            async def failed(self) -> None:
                self.tm.t_reply(480, "overridden")

        self.assertEqual(self.outcome(Office), "overridden")

    def test_the_method_of_the_base_through_super(self) -> None:
        class Office(Failing):
            def pick(self) -> None:
                self.tm.t_on_failure(super().failed)

            def failed(self) -> None:
                self.tm.t_reply(480, "overridden")

        self.assertEqual(self.outcome(Office), "failed")

    def test_the_last_choice_counts(self) -> None:
        class Office(Failing):
            def pick(self) -> None:
                self.tm.t_on_failure(self.failed)
                self.tm.t_on_failure(self.other)

            @failure_route
            def other(self) -> None:
                self.tm.t_reply(480, "other")

        self.assertEqual(self.outcome(Office), "other")

    def test_chosen_again_it_runs_again(self) -> None:
        class Office(Failing):
            tries = 0

            @failure_route
            def failed(self) -> None:
                self.tries += 1
                if self.tries == 3:
                    self.tm.t_reply(480, f"{self.tries} tries")
                    return
                self.tm.t_on_failure(self.failed)
                self.append_branch("sip:bob@10.0.1.1")
                self.tm.t_relay()

        self.assertEqual(self.outcome(Office), "3 tries")


class RefusedTests(HandlerCase):
    """What may not, with what it says."""

    def refused(self, pick: Any, base: type = Failing) -> str:
        """What a wrong choice says."""
        self.assertEqual(self.outcome(type("Office", (base,), {"pick": pick})), "Server Internal Error")
        return self.failure(RouteError)

    def test_an_unmarked_method(self) -> None:
        said = self.refused(lambda self: self.tm.t_on_failure(self.route))
        self.assertEqual(said, "route() is no failure_route: decorate it with @failure_route")

    def test_one_of_another_kind(self) -> None:
        class Other(Failing):
            @onreply_route
            def replied(self) -> None:
                pass

            @branch_route
            def branched(self) -> None:
                pass

        said = self.refused(lambda self: self.tm.t_on_failure(self.replied), Other)
        self.assertEqual(said, "replied() is no failure_route: decorate it with @failure_route")
        for number, (pick, text) in enumerate(
            (
                (lambda self: self.tm.t_on_reply(self.branched), "branched() is no onreply_route"),
                (lambda self: self.tm.t_on_branch(self.replied), "replied() is no branch_route"),
                (lambda self: self.tm.t_on_branch("failed"), "failed() is no branch_route"),
            )
        ):
            host = f"10.0.0.{number + 2}"
            self.start(type("Office", (Other,), {"pick": pick}), host=host)
            self.ask(server=(host, 5060))
            self.assertIn(text, self.failure())

    def test_a_lambda(self) -> None:
        self.assertIn(
            "expected a method of this router, or its name", self.refused(lambda self: self.tm.t_on_failure(lambda: 1))
        )

    def test_a_partial(self) -> None:
        self.assertIn(
            "expected a method of this router",
            self.refused(lambda self: self.tm.t_on_failure(functools.partial(self.failed))),
        )

    def test_a_plain_function(self) -> None:
        @failure_route
        def loose(self: Any) -> None:
            pass

        self.assertIn("expected a method of this router", self.refused(lambda self: self.tm.t_on_failure(loose)))

    def test_a_method_of_another_router(self) -> None:
        class Other(Bare):
            @failure_route
            def failed(self) -> None:
                pass

        other = Other()
        self.assertIn("expected a method of this router", self.refused(lambda self: self.tm.t_on_failure(other.failed)))

    def test_a_name_that_is_not_there(self) -> None:
        self.assertEqual(
            self.refused(lambda self: self.tm.t_on_failure("nowhere")), "the router has no method 'nowhere'"
        )

    def test_a_name_that_is_no_method(self) -> None:
        self.assertEqual(self.refused(lambda self: self.tm.t_on_failure("listen")), "the router has no method 'listen'")

    def test_a_number(self) -> None:
        self.assertIn("expected a method of this router", self.refused(lambda self: self.tm.t_on_failure(1)))

    def test_the_answer_of_a_method_that_was_called(self) -> None:
        class Waiting(Failing):
            @failure_route
            async def failed(self) -> None:
                pass

        said = self.refused(lambda self: self.tm.t_on_failure(self.failed()), Waiting)
        self.assertIn("expected a method of this router", said)


class LifetimeTests(HandlerCase):
    """A handler that was handed over keeps no twin alive."""

    def test_the_twin_of_the_request_route_is_gone(self) -> None:
        class Office(Failing):
            def pick(self) -> None:
                twins.append(weakref.ref(self))
                self.tm.t_on_failure(self.failed)
                self.tm.t_on_reply(self.replied)

            @onreply_route
            async def replied(self) -> None:
                alive.append(twins[0]() is not None)

            @failure_route
            def failed(self) -> None:
                alive.append(twins[0]() is not None)

        twins, alive = list[Any](), list[bool]()
        self.outcome(Office)
        self.assertEqual(alive, [False, False])

    def test_each_run_has_a_twin_of_its_own(self) -> None:
        class Office(Failing):
            def pick(self) -> None:
                twins.append(self)
                self.tm.t_on_failure(self.failed)

            @failure_route
            def failed(self) -> None:
                twins.append(self)

        twins = list[Any]()
        self.outcome(Office)
        request, failure = twins
        self.assertIsNot(request, failure)
        self.assertIs(vars(request), vars(failure))
