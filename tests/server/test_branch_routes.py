"""Branch routes change one branch: its headers, and where it goes."""

from __future__ import annotations

from typing import Any

from sipexpress import branch_route, failure_route
from sipexpress.testing import IncomingCall
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, pause, reject


class BranchTests(CallCase):
    def test_a_rewritten_target_is_where_it_goes(self) -> None:
        class Rewriting(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("elsewhere")
                return await super().route()

            @branch_route
            def elsewhere(self) -> None:
                assert self.branch is not None
                if self.branch.index == 1:
                    self.rewritehostport("10.0.9.9:5070")

        self.server = self.serve(Rewriting)
        one, two = self.phones("bob", IncomingCall.ring, IncomingCall.ring)
        other = self.phone("other", "10.0.9.9", 5070)
        self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        self.assertEqual((len(one.calls), len(two.calls), len(other.calls)), (1, 0, 1))
        self.assertEqual(other.calls[0].request.raw_uri, b"sip:bob@10.0.9.9:5070")

    def test_a_target_that_is_none_fails_its_branch(self) -> None:
        class Breaking(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("spoil")
                return await super().route()

            @branch_route
            def spoil(self) -> None:
                assert self.branch is not None
                if self.branch.index == 0:
                    self.rewriteuri("tel:+1234")

        self.server = self.serve(Breaking)
        one, _ = self.phones("bob", IncomingCall.ring, IncomingCall.answer)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        self.assertEqual((one.calls, call.status), ([], 200))

    def test_a_header_edit_keeps_the_next_hop_of_lookup(self) -> None:
        """A phone behind NAT is reached where it registered from."""

        class Marking(Plain):
            async def route(self) -> Any:
                if self.method == "INVITE":
                    self.tm.t_on_branch("mark")
                    self.msg.dst_uri = b"sip:10.0.9.9"
                    self.rr.record_route()
                    return self.tm.t_relay()
                return await super().route()

            @branch_route
            def mark(self) -> None:
                self.msg.add("X-Mark", "1")

        self.server = self.serve(Marking)
        proxy = self.phone("proxy", "10.0.9.9")
        self.phone("alice").invite("sip:bob@10.0.8.8")
        self.clock.advance(0.3)
        self.assertEqual(proxy.calls[0].request.raw_uri, b"sip:bob@10.0.8.8")
        self.assertEqual(proxy.calls[0].request.header("x-mark"), b"1")

    def test_it_runs_again_for_the_branches_of_a_failure_route(self) -> None:
        class Numbering(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("number")
                self.tm.t_on_failure("again")
                return await super().route()

            @branch_route
            async def number(self) -> None:
                assert self.branch is not None
                await pause(clock, 0.1)
                self.msg.add("X-Branch", str(self.branch.index))

            @failure_route
            def again(self) -> None:
                self.append_branch("sip:desk@10.0.9.9")
                self.tm.t_relay()

        clock = self.clock
        self.server = self.serve(Numbering)
        desk = self.phone("desk", "10.0.9.9")
        (bob,) = self.phones("bob", reject(486))
        self.phone("alice").invite("bob")
        self.clock.advance(1)
        seen = [phone.calls[0].request.header_values("x-branch") for phone in (bob, desk)]
        self.assertEqual(seen, [[b"0"], [b"1"]])

    def test_all_dropped(self) -> None:
        class Dropping(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("no")
                return await super().route()

            @branch_route
            def no(self) -> None:
                self.drop()

        self.server = self.serve(Dropping)
        self.phones("bob", IncomingCall.ring, IncomingCall.ring)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 487])
        self.assertEqual(self.wire.sent("INVITE", HERE), [])
        self.assert_empty()
