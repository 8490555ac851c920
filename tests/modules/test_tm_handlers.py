"""tm: t_on_failure, t_on_reply, t_on_branch and t_check_status, in each kind of route."""

from __future__ import annotations

from typing import Any

from sipexpress import branch_route, failure_route, onreply_route
from sipexpress.errors import RouteError
from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain


class Noting(Plain):
    """Its routes write down what happened; subclasses arm them."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def route(self) -> Any:
        if self.method == "INVITE" and self.msg.to_tag is None:
            self.arm()
        return await super().route()

    def arm(self) -> None:
        """Choose routes."""

    @failure_route
    def failed(self) -> None:
        self.seen.append("failed")

    @failure_route
    def failed_again(self) -> None:
        self.seen.append("failed again")

    @onreply_route
    def replied(self) -> None:
        self.seen.append(self.status)

    @branch_route
    def sending(self) -> None:
        assert self.branch is not None
        self.seen.append(f"branch {self.branch.index}")

    def nothing(self) -> None:
        """No route of any kind."""


class NotingTestCase(RouterTestCase):
    def play(self, router: type[Noting], code: int = 486, **settings: Any) -> list[Any]:
        """Bob refuses a call with `code`: what was noted. A phone at 10.0.1.3 answers."""

        def refuse(call: IncomingCall) -> None:
            if code:
                call.ring()
                call.reply(code)

        self.server = self.serve(router, **settings)
        alice, self.bob = self.registered("alice", "bob")
        self.mail = self.phone("mail")
        self.bob.on_call = refuse
        self.mail.on_call = IncomingCall.answer
        self.call = alice.invite("bob")
        self.clock.advance(1)
        return self.server.router.seen  # type: ignore[no-any-return]


class ArmingTests(NotingTestCase):
    def test_by_method_and_by_name(self) -> None:
        class Armed(Noting):
            def arm(self) -> None:
                self.seen.append(self.tm.t_on_failure("failed"))
                self.seen.append(self.tm.t_on_reply(self.replied))
                self.seen.append(self.tm.t_on_branch("sending"))

        self.assertEqual(self.play(Armed), [True, True, True, "branch 0", "180", "486", "failed"])

    def test_the_last_choice_counts(self) -> None:
        class Changing(Noting):
            def arm(self) -> None:
                self.tm.t_on_failure(self.failed)
                self.tm.t_on_failure(self.failed_again)

        self.assertEqual(self.play(Changing), ["failed again"])

    def test_none_takes_it_back(self) -> None:
        class Undone(Noting):
            def arm(self) -> None:
                for choose, handler in (
                    (self.tm.t_on_failure, self.failed),
                    (self.tm.t_on_reply, self.replied),
                    (self.tm.t_on_branch, self.sending),
                ):
                    choose(handler)
                    choose(None)

        self.assertEqual(self.play(Undone), [])
        self.assertEqual(self.call.status, 486)

    def test_what_is_not_a_route_of_that_kind(self) -> None:
        for name, handler, text in (
            ("t_on_failure", "replied", "replied() is no failure_route: decorate it with @failure_route"),
            ("t_on_reply", "sending", "sending() is no onreply_route: decorate it with @onreply_route"),
            ("t_on_branch", "nothing", "nothing() is no branch_route: decorate it with @branch_route"),
            ("t_on_failure", "missing", "the router has no method 'missing'"),
            ("t_on_failure", len, "<built-in function len>: expected a method of this router, or its name"),
        ):

            class Wrong(Noting):
                def arm(self) -> None:
                    getattr(self.tm, self.choice[0])(self.choice[1])

                choice: Any = (name, handler)

            self.setUp()
            self.play(Wrong)
            self.assertEqual(self.call.status, 500)
            (failure,) = self.flushLoggedErrors(RouteError)
            self.assertEqual(str(failure.value), text)

    def test_a_method_of_another_router(self) -> None:
        class Wrong(Noting):
            def arm(self) -> None:
                self.tm.t_on_failure(Noting().failed)

        self.play(Wrong)
        self.assertEqual(self.call.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(RouteError)), 1)

    def test_a_reply_route_may_arm_the_failure_route(self) -> None:
        class Late(Noting):
            def arm(self) -> None:
                self.tm.t_on_reply(self.arm_late)

            @onreply_route
            def arm_late(self) -> None:
                self.tm.t_on_failure(self.failed)

        self.assertEqual(self.play(Late), ["failed"])

    def test_a_reply_route_may_choose_another_one(self) -> None:
        class Handing(Noting):
            def arm(self) -> None:
                self.tm.t_on_reply(self.first)

            @onreply_route
            def first(self) -> None:
                self.seen.append("first")
                self.tm.t_on_reply(self.replied)

        self.assertEqual(self.play(Handing), ["first", "486"])

    def test_the_second_attempt(self) -> None:
        """The failure route is forgotten when it runs, the others stay."""

        class Again(Noting):
            def arm(self) -> None:
                self.tm.t_on_failure(self.again)
                self.tm.t_on_reply(self.replied)
                self.tm.t_on_branch(self.sending)

            @failure_route
            def again(self) -> None:
                self.seen.append("again")
                self.append_branch("sip:mail@10.0.1.3")
                self.tm.t_relay()

        self.assertEqual(self.play(Again), ["branch 0", "180", "486", "again", "branch 1", "200"])
        self.assertEqual(self.call.status, 200)

    def test_armed_again_for_the_second_attempt(self) -> None:
        class Again(Noting):
            def arm(self) -> None:
                self.tm.t_on_failure(self.again)

            @failure_route
            def again(self) -> None:
                self.seen.append(self.status)
                if len(self.seen) < 4:
                    self.tm.t_on_failure(self.again)
                    self.append_branch("sip:bob@10.0.1.2:5060")
                    self.tm.t_relay()

        self.assertEqual(self.play(Again), ["486"] * 4)
        self.assertEqual((self.call.status, len(self.bob.calls)), (486, 4))

    def test_a_failure_route_may_choose_the_others(self) -> None:
        class Choosing(Noting):
            def arm(self) -> None:
                self.tm.t_on_failure(self.again)

            @failure_route
            def again(self) -> None:
                self.tm.t_on_reply(self.replied)
                self.tm.t_on_branch(self.sending)
                self.append_branch("sip:mail@10.0.1.3")
                self.tm.t_relay()

        self.assertEqual(self.play(Choosing), ["branch 1", "200"])

    def test_no_failure_route_after_a_success(self) -> None:
        class Armed(Noting):
            def arm(self) -> None:
                self.tm.t_on_failure(self.failed)

        self.assertEqual(self.play(Armed, 200), [])

    def test_after_every_failure_from_300_on(self) -> None:
        class Armed(Noting):
            def arm(self) -> None:
                self.tm.t_on_failure(self.failed)

        for code in (302, 401, 404, 500, 503, 603):
            self.setUp()
            self.assertEqual(self.play(Armed, code), ["failed"], code)

    def test_not_in_a_branch_route(self) -> None:
        class Misplaced(Noting):
            def arm(self) -> None:
                self.tm.t_on_branch(self.misplaced)

            @branch_route
            def misplaced(self) -> None:
                self.tm.t_on_failure(self.failed)

        self.play(Misplaced)
        self.assertIn("t_on_failure() may not be called in a branch_route", self.refusal())

    def refusal(self) -> str:
        (failure,) = self.flushLoggedErrors(RouteError)
        return str(failure.value)

    def test_t_reply_is_not_for_reply_routes(self) -> None:
        class Misplaced(Noting):
            def arm(self) -> None:
                self.tm.t_on_reply(self.misplaced)

            @onreply_route
            def misplaced(self) -> None:
                if self.status == "486":
                    self.tm.t_reply(480)

        self.play(Misplaced)
        self.assertEqual(self.call.status, 486, "the reply goes on")
        self.assertIn("t_reply() may not be called in a onreply_route", self.refusal())


class StatusTests(NotingTestCase):
    """t_check_status: a regular expression, looked for in the code of the kind of route."""

    def test_in_the_request_route_it_is_the_last_reply_sent(self) -> None:
        class Checking(Noting):
            async def route(self) -> Any:
                if self.method == "REGISTER":
                    return await super().route()
                self.seen.append(self.tm.t_check_status("."))
                self.sl.sl_send_reply(100)
                self.seen.append((self.tm.t_check_status("100"), self.tm.t_check_status("2")))
                self.tm.t_reply(183)
                self.seen.append((self.tm.t_check_status("183|180"), self.tm.t_check_status("100")))
                self.tm.t_reply(404)
                self.seen.append((self.tm.t_check_status("4[0-9][0-9]"), self.tm.t_check_status("^0")))
                return None

        self.assertEqual(self.play(Checking), [False, (True, False), (True, False), (True, False)])

    def test_in_a_reply_route_it_is_the_reply_in_hand(self) -> None:
        class Checking(Noting):
            def arm(self) -> None:
                self.tm.t_on_reply(self.check)

            @onreply_route
            def check(self) -> None:
                self.seen.append([code for code in ("100", "180", "486") if self.tm.t_check_status(code)])

        self.assertEqual(self.play(Checking), [["180"], ["486"]])

    def test_in_a_failure_route_it_is_the_best_of_all_branches(self) -> None:
        class Checking(Noting):
            def arm(self) -> None:
                self.append_branch("sip:gone@10.0.1.9")
                self.tm.t_on_failure(self.check)

            @failure_route
            def check(self) -> None:
                self.seen.append([code for code in ("404", "486", "100") if self.tm.t_check_status(code)])
                self.tm.t_on_failure(self.check)
                if len(self.seen) == 1:
                    self.append_branch("sip:later@10.0.1.8")
                    self.tm.t_relay()

        gone, later = self.phone("gone", "10.0.1.9"), self.phone("later", "10.0.1.8")
        gone.on_call = lambda call: call.reject(404)
        later.on_call = lambda call: call.reject(486)
        self.assertEqual(self.play(Checking), [["404"], ["404"]])

    def test_a_time_out_is_408(self) -> None:
        class Checking(Noting):
            def arm(self) -> None:
                self.tm.t_on_failure(self.check)

            @failure_route
            def check(self) -> None:
                self.seen.append((self.tm.t_check_status("408"), self.status, self.reply))

        self.play(Checking, 0, modparams={"tm": {"fr_timer": 5}})
        self.clock.advance(5)
        self.assertEqual(self.server.router.seen, [(True, "408", None)])

    def test_not_in_a_branch_route(self) -> None:
        class Checking(Noting):
            def arm(self) -> None:
                self.tm.t_on_branch(self.check)

            @branch_route
            def check(self) -> None:
                self.tm.t_check_status("1")

        self.play(Checking)
        (failure,) = self.flushLoggedErrors(RouteError)
        self.assertIn("t_check_status() may not be called in a branch_route", str(failure.value))

    def test_what_is_no_regular_expression(self) -> None:
        class Checking(Noting):
            def arm(self) -> None:
                self.sl.sl_send_reply(100)
                self.tm.t_check_status("4(")

        self.play(Checking)
        (failure,) = self.flushLoggedErrors(RouteError)
        self.assertIn("t_check_status('4('): not a regular expression", str(failure.value))
