"""Failure, reply and branch routes."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from sipexpress import branch_route, failure_route, onreply_route
from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain


class Voicemail(Plain):
    """Unanswered and busy calls go to voicemail, once."""

    async def route(self) -> Any:
        if self.method == "INVITE" and self.msg.to_tag is None:
            self.tm.t_on_failure(self.to_voicemail)
        return await super().route()

    @failure_route
    async def to_voicemail(self) -> Any:
        if self.tm.t_check_status("487") or not self.tm.t_check_status("408|486"):
            return None
        self.rewriteuser("voicemail")
        self.sethostport(self.myself_at())
        if not await self.registrar.lookup("location"):
            return self.tm.t_reply(480, "No voicemail today")
        self.append_branch()
        return self.tm.t_relay()

    def myself_at(self) -> str:
        return "10.0.0.1:5060"


class FailureRouteTests(RouterTestCase):
    def test_forward_on_busy(self) -> None:
        server = self.serve(Voicemail)
        alice, bob, mail = self.registered("alice", "bob", "voicemail")
        bob.on_call = IncomingCall.reject
        mail.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 200])
        bye = call.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)
        self.assertEqual(mail.requests[-1].method, "BYE")
        self.clock.advance(64)
        self.assertEqual((server.servers.count, server.clients.count), (0, 0))

    def test_reply_from_the_failure_route(self) -> None:
        self.serve(Voicemail)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.reject
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 480])

    def test_nothing_done_lets_the_failure_through(self) -> None:
        self.serve(Voicemail)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = lambda call: call.reply(404)
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 404])

    def test_on_no_answer(self) -> None:
        self.serve(Voicemail, modparams={"tm": {"fr_inv_timer": 20}})
        alice, bob, mail = self.registered("alice", "bob", "voicemail")
        mail.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(21)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].canceled)

    def test_canceled_call_is_not_forwarded(self) -> None:
        self.serve(Voicemail)
        alice, _, mail = self.registered("alice", "bob", "voicemail")
        call = alice.invite("bob")
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(1)
        self.assertEqual(call.status, 487)
        self.assertEqual(mail.calls, [])

    def test_is_forgotten_after_it_ran(self) -> None:
        self.serve(Voicemail)
        alice, bob, mail = self.registered("alice", "bob", "voicemail")
        bob.on_call = IncomingCall.reject
        mail.on_call = IncomingCall.reject
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 486])
        self.assertEqual(len(mail.calls), 1)

    def test_that_waits_and_is_canceled(self) -> None:
        class Thinking(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("think")
                return await super().route()

            @failure_route
            async def think(self) -> Any:
                thinking: Deferred[None] = Deferred()
                clock.callLater(3, thinking.callback, None)
                await thinking
                seen.append(self.tm.t_is_canceled())
                self.append_branch("sip:bob@10.0.1.2")
                seen.append(self.tm.t_relay())

        clock, seen = self.clock, list[bool]()
        self.serve(Thinking)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.reject
        call = alice.invite("bob")
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(0.5)
        self.assertEqual(call.status, 487)
        self.clock.advance(5)
        self.assertEqual(seen, [True, False])
        self.assertEqual(len(bob.calls), 1)


class ReplyRouteTests(RouterTestCase):
    def test_sees_and_changes_every_reply(self) -> None:
        class Marking(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply(self.mark)
                return await super().route()

            @onreply_route
            def mark(self) -> None:
                assert self.reply is not None
                self.reply.add("X-Seen", self.status)
                seen.append((self.status, self.src_ip, self.method))

        seen = list[tuple[str, str, str]]()
        self.serve(Marking)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual([response.header("x-seen") for response in call.responses], [None, b"180", b"200"])
        self.assertEqual(seen, [("180", "10.0.1.2", "INVITE"), ("200", "10.0.1.2", "INVITE")])

    def test_that_waits_keeps_the_order(self) -> None:
        class Waiting(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply(self.wait)
                return await super().route()

            @onreply_route
            async def wait(self) -> None:
                waiting: Deferred[None] = Deferred()
                clock.callLater(1 if self.status == "180" else 0.1, waiting.callback, None)
                await waiting

        clock = self.clock
        self.serve(Waiting)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(0.01)
        bob.calls[0].answer()
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(2)
        self.assertEqual(call.statuses[:3], [100, 180, 200])
        self.assertTrue(bob.calls[0].acknowledged)

    def test_drop_holds_back_a_provisional_but_no_final(self) -> None:
        class Dropping(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply(self.hide)
                return await super().route()

            @onreply_route
            def hide(self) -> None:
                self.drop()

        self.serve(Dropping)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 200])


class BranchRouteTests(RouterTestCase):
    def test_each_branch_is_edited_alone(self) -> None:
        class Numbering(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch(self.number)
                return await super().route()

            @branch_route
            def number(self) -> None:
                assert self.branch is not None
                self.msg.add("X-Branch", str(self.branch.index))

        self.serve(Numbering)
        one, two = self.phone("bob"), self.phone("bob")
        one.register()
        two.register()
        self.clock.advance(1)
        self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual([phone.calls[0].request.header_values("x-branch") for phone in (one, two)], [[b"0"], [b"1"]])

    def test_a_dropped_branch_is_not_sent(self) -> None:
        class Choosing(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch(self.choose)
                return await super().route()

            @branch_route
            def choose(self) -> None:
                assert self.branch is not None
                if self.branch.index == 0:
                    self.drop()

        self.serve(Choosing)
        one, two = self.phone("bob"), self.phone("bob")
        one.register()
        two.register()
        self.clock.advance(1)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual([len(one.calls), len(two.calls)], [0, 1])
        two.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
