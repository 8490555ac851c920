"""After 64*T1 nothing is left of a call, however it ended, and nothing needs the garbage collector for that."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

import sipexpress
from sipexpress.routing.awaitable import Answer
from sipexpress.routing.drive import Work
from sipexpress.server.call import Call, Target
from sipexpress.server.context import Context
from sipexpress.server.pending import Pending
from sipexpress.server.runs import Waiting
from sipexpress.testing import IncomingCall, Phone
from sipexpress.transaction.response_context import Branch, ResponseContext
from tests.routers import Plain
from tests.server.behavior import CallCase, pause, silent

OURS = (Answer, Branch, Call, Context, Pending, ResponseContext, Target, Waiting, Work)
ROUNDS = 60


def left() -> Counter[str]:
    """Objects of the server's own classes that still exist."""
    return Counter(type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, OURS))


class Mixed(Plain):
    """Does with a request what its user part says."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock

    async def route(self) -> Any:
        user = getattr(self.msg.uri, "user", None) or ""
        if user.startswith("raise"):
            await self.perhaps(user)
            raise KeyError(user)
        if user.startswith("wait"):
            self.note = self.msg
            await pause(self.clock, 2)
            return self.sl.sl_send_reply(404)
        if user.startswith("drop"):
            self.helper()  # type: ignore[unused-coroutine]
            await pause(self.clock, 1)
        if user.startswith("limit"):
            await pause(self.clock, 50)
        if user.startswith("new"):
            self.tm.t_newtran()
            return None
        if user.startswith("own"):
            return self.tm.t_reply(200, "OK")
        if user.startswith("busy"):
            self.tm.t_on_failure(self.other)
            self.tm.t_on_reply(self.seen)
            self.tm.t_on_branch(self.begun)
            self.avp["self"] = self.msg
        return await super().route()

    async def helper(self) -> bool:
        await pause(self.clock, 5)
        return False

    async def perhaps(self, user: str) -> None:
        if user.endswith("later"):
            await pause(self.clock, 1)

    @sipexpress.failure_route
    async def other(self) -> Any:
        await pause(self.clock, 1)
        self.append_branch("sip:late@10.0.8.8")
        return self.tm.t_relay()

    @sipexpress.onreply_route
    async def seen(self) -> None:
        await pause(self.clock, 0.5)

    @sipexpress.branch_route
    def begun(self) -> None:
        self.mark = self.branch


class LeakTests(CallCase):
    def setUp(self) -> None:
        super().setUp()
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.server = self.serve(Mixed(self.clock))
        self.phones("bob", IncomingCall.answer)
        self.phones("ring", IncomingCall.ring)
        self.phones("mute", silent)
        self.phones("busy", IncomingCall.reject)
        self.phones("fork", IncomingCall.ring, silent, IncomingCall.answer, IncomingCall.reject)
        self.phones("tcp", IncomingCall.answer, protocol="TCP")
        self.alice = self.phone("alice")
        self.wire.keep = False

    def rounds(self, play: Any) -> None:
        """Play it often, let everything end, and look what is left."""
        self.clock.advance(300)
        before = left()
        for _ in range(ROUNDS):
            play()
            self.clock.advance(0.5)
        self.clock.advance(400)
        self.flushLoggedErrors()
        self.assert_empty()
        self.assertEqual(len(self.server.inbound._acks), 0)
        self.assertEqual(left() - before, Counter())
        self.assertLess(len(self.server.clockwork.wheel._slots), 5)

    def call(self, user: str, cancel: float = -1.0, bye: bool = False) -> None:
        call = self.alice.invite(user)
        if cancel >= 0:
            self.clock.advance(cancel)
            self.alice.cancel(call)
        if bye:
            self.clock.advance(0.1)
            call.bye()

    def test_answered(self) -> None:
        self.rounds(lambda: self.call("bob", bye=True))

    def test_answered_over_tcp(self) -> None:
        self.alice = self.phone("alice", protocol="TCP")
        self.rounds(lambda: self.call("tcp", bye=True))

    def test_forked(self) -> None:
        self.rounds(lambda: self.call("fork", bye=True))

    def test_canceled(self) -> None:
        for user in ("ring", "mute", "wait", "fork", "limit", "busy"):
            for seconds in (0.0, 0.0015, 0.1):
                self.rounds(lambda: self.call(user, seconds))  # noqa: B023

    def test_timed_out(self) -> None:
        self.rounds(lambda: self.call("ring"))
        self.rounds(lambda: self.call("mute"))

    def test_failed_with_routes_that_wait(self) -> None:
        self.rounds(lambda: self.call("busy"))

    def test_unfinished_and_ended(self) -> None:
        for user in ("raise", "raise-later", "drop", "limit", "new", "own", "nobody", "bob@nowhere.example"):
            self.rounds(lambda: self.call(user))  # noqa: B023
            self.rounds(lambda: self.alice.request("MESSAGE", user))  # noqa: B023

    def test_names_and_dead_ends(self) -> None:
        self.names.delay = 1
        self.names.table["b.example"] = ["10.0.8.8"]
        for uri in ("sip:x@nowhere.example", "sip:x@b.example", "sip:x@[2001:db8::1]", "sips:x@b.example", "tel:+1"):
            self.rounds(lambda: self.alice.send(self.alice._new("INVITE", uri, [], b""), self.alice.server))  # noqa: B023

    def test_a_peer_that_never_acknowledges(self) -> None:
        def play() -> None:
            self.alice.send_raw(self.alice._new("INVITE", "sip:own@10.0.0.1", [], b""), self.alice.server)
            self.alice.send_raw(self.alice._new("INVITE", "sip:bob@10.0.0.1", [], b""), self.alice.server)
            self.alice.send_raw(self.alice._new("INVITE", "sip:busy@10.0.0.1", [], b""), self.alice.server)

        Phone.received, received = (lambda phone, data, flow: None), Phone.received  # type: ignore[method-assign, assignment]
        try:
            self.rounds(play)
        finally:
            Phone.received = received  # type: ignore[method-assign]

    def test_registrations(self) -> None:
        self.rounds(lambda: self.alice.register(60))
        self.clock.advance(200)
        self.assertNotIn("alice", self.server.boot.find("usrloc").tables["location"])
