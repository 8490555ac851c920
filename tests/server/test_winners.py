"""What becomes of the other branches once one has decided the call (RFC 3261 16.7 steps 5 and 10)."""

from __future__ import annotations

from typing import Any

from sipexpress import branch_route, failure_route
from sipexpress.testing import IncomingCall
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, methods, pause, reject, silent


class Far(Plain):
    """Calls another phone too, whose name has to be looked up."""

    def relay(self) -> Any:
        if self.method == "INVITE":
            self.append_branch("sip:bob@far.example")
        return super().relay()


class WinnerTests(CallCase):
    def setUp(self) -> None:
        super().setUp()
        self.names.table["far.example"] = ["10.0.9.9"]

    def test_a_silent_branch_is_canceled_as_soon_as_it_rings(self) -> None:
        """The CANCEL had to wait for a provisional response (9.1)."""
        self.server = self.serve(Plain)
        wins, late = self.phones("bob", IncomingCall.answer, silent)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        self.assertEqual(call.status, 200)
        self.assertEqual(methods(late), ["INVITE"])
        late.calls[0].ring()
        self.clock.advance(0.3)
        self.assertEqual(methods(late), ["INVITE", "CANCEL", "ACK"])
        self.assertEqual(call.statuses, [100, 200])
        self.assertFalse(wins.calls[0].canceled)
        self.assert_empty()

    def test_a_silent_branch_is_canceled_after_a_decline_too(self) -> None:
        self.server = self.serve(Plain)
        _, late = self.phones("bob", reject(603), silent)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        self.assertEqual(call.statuses, [100])
        late.calls[0].ring()
        self.clock.advance(0.3)
        self.assertEqual(methods(late), ["INVITE", "CANCEL", "ACK"])
        self.assertEqual(call.status, 603)
        self.assert_empty()

    def test_a_branch_whose_name_is_looked_up_is_not_sent(self) -> None:
        self.names.delay = 2
        self.server = self.serve(Far)
        self.phones("bob", IncomingCall.answer)
        far = self.phone("far", "10.0.9.9")
        call = self.phone("alice").invite("bob")
        self.clock.advance(5)
        self.assertEqual(call.statuses, [100, 200])
        self.assertEqual(far.calls, [])
        self.assert_empty()

    def test_nor_after_a_decline(self) -> None:
        self.names.delay = 2
        self.server = self.serve(Far)
        self.phones("bob", reject(603))
        far = self.phone("far", "10.0.9.9")
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 603])
        self.clock.advance(5)
        self.assertEqual(far.calls, [])
        self.assert_empty()

    def test_a_branch_whose_branch_route_waits_is_not_sent(self) -> None:
        class Slow(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch("wait")
                return await super().route()

            @branch_route
            async def wait(self) -> None:
                assert self.branch is not None
                await pause(clock, 2 * self.branch.index)

        clock = self.clock
        self.server = self.serve(Slow)
        _, second = self.phones("bob", IncomingCall.answer, IncomingCall.ring)
        call = self.phone("alice").invite("bob")
        self.clock.advance(5)
        self.assertEqual(call.status, 200)
        self.assertEqual(second.calls, [])
        self.assert_empty()

    def test_a_failure_route_may_try_again_after_a_decline(self) -> None:
        class Insisting(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("again")
                return await super().route()

            @failure_route
            def again(self) -> None:
                self.append_branch("sip:desk@10.0.9.9")
                self.tm.t_relay()

        self.server = self.serve(Insisting)
        self.phones("bob", reject(603))
        desk = self.phone("desk", "10.0.9.9")
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(call.status, 180)
        self.assertFalse(desk.calls[0].canceled)
        desk.calls[0].answer()
        self.clock.advance(0.5)
        self.assertEqual(call.status, 200)

    def test_an_answer_after_a_decline_is_passed_on(self) -> None:
        """FRK-09: while the other branches are being canceled."""
        self.server = self.serve(Plain)
        _, answers = self.phones("bob", reject(603), silent)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        answers.calls[0].answer()
        self.clock.advance(0.3)
        self.assertEqual(call.statuses, [100, 200])
        self.assertTrue(answers.calls[0].acknowledged)
        self.assert_empty()

    def test_a_second_answer_comes_seconds_later(self) -> None:
        """ICT-10, FRK-14: it is passed on, and each ACK finds its own phone."""
        self.server = self.serve(Plain)
        one, two = self.phones("bob", IncomingCall.answer, silent)
        call = self.phone("alice").invite("bob")
        self.clock.advance(10)
        two.calls[0].answer()
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [100, 200, 200])
        self.assertEqual(len(call.dialogs), 2)
        self.assertTrue(one.calls[0].acknowledged and two.calls[0].acknowledged)
        byes = [dialog.bye() for dialog in call.dialogs.values()]
        self.clock.advance(0.5)
        self.assertEqual([bye.status for bye in byes], [200, 200])
        self.assertEqual([methods(phone)[-1] for phone in (one, two)], ["BYE", "BYE"])
        self.assert_empty()

    def test_an_answer_after_timer_m_is_dropped(self) -> None:
        """ICT-11 (RFC 6026 7.3): never passed on without a transaction."""
        self.server = self.serve(Plain)
        alice = self.phone("alice")
        (bob,) = self.phones("bob", IncomingCall.answer)
        alice.invite("bob")
        self.clock.advance(1)
        (answer,) = self.wire.sent("SIP/2.0 200 OK", bob.address)[-1:]
        self.clock.advance(40)
        before = len(self.to(alice))
        bob.send_raw(answer.data, HERE)
        self.clock.advance(1)
        self.assertEqual(len(self.to(alice)), before)
        self.assertEqual(self.server.counters["stray_responses"], 1)

    def test_every_repeated_answer_is_passed_on(self) -> None:
        """ICT-09, ACK-09: until the ACK arrives; the server makes none itself."""
        self.server = self.serve(Plain)
        alice = self.phone("alice")
        (bob,) = self.phones("bob", IncomingCall.answer)
        self.wire.lose = lambda packet: packet.start_line.startswith("ACK") and packet.source == HERE
        alice.invite("bob")
        self.clock.advance(3.8)
        self.assertEqual(len(self.to(alice, "SIP/2.0 200")), 4)
        self.assertEqual(len(self.wire.sent("ACK", alice.address)), 4)
        self.assertEqual(len(self.wire.sent("ACK", HERE)), 4)
        self.wire.lose = lambda packet: False
        self.clock.advance(5)
        self.assertTrue(bob.calls[0].acknowledged)
        self.assert_empty()

    def test_a_decline_after_the_answer_is_only_acknowledged(self) -> None:
        """ICT-15."""
        self.server = self.serve(Plain)
        _, other = self.phones("bob", IncomingCall.answer, silent)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.3)
        other.calls[0].reject(603)
        self.clock.advance(0.3)
        self.assertEqual(call.statuses, [100, 200])
        self.assertEqual(methods(other), ["INVITE", "ACK"])
        self.assert_empty()
