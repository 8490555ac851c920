"""How long a branch may take: timers B, C and F, and what follows (RFC 3261 16.6 step 11, 16.8)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from sipexpress import failure_route, use
from sipexpress.modules import Tm
from sipexpress.testing import IncomingCall
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, methods, pause, reject, silent


class Short(Plain):
    tm = use(Tm, fr_timer=5, fr_inv_timer=20)


class TimerCTests(CallCase):
    def test_100_starts_it_and_does_not_restart_it(self) -> None:
        """ICT-04: 101 to 199 restart it."""
        self.server = self.serve(Short)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = lambda call: call.reply(100)
        call = alice.invite("bob")
        for _ in range(3):
            self.clock.advance(6)
            bob.calls[0].reply(100)
        self.clock.advance(3)
        self.assertEqual(call.statuses, [100, 408])
        self.assertTrue(bob.calls[0].canceled)
        self.assert_empty()

    def test_183_restarts_it_each_time(self) -> None:
        self.server = self.serve(Short)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        for _ in range(5):
            self.clock.advance(15)
            bob.calls[0].reply(183)
        self.clock.advance(15)
        self.assertFalse(bob.calls[0].canceled)
        self.clock.advance(6)
        self.assertTrue(bob.calls[0].canceled)
        self.assertEqual(call.status, 408)
        self.assert_empty()

    def test_its_default_is_above_three_minutes(self) -> None:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(181)
        self.assertEqual(call.status, 180)
        self.clock.advance(10)
        self.assertEqual(call.status, 408)
        self.assertTrue(bob.calls[0].canceled)

    def test_the_487_of_the_canceled_branch_is_acknowledged_and_goes_no_further(self) -> None:
        self.server = self.serve(Short)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(22)
        self.assertEqual(methods(bob), ["INVITE", "CANCEL", "ACK"])
        self.assertEqual(call.statuses, [100, 180, 408])
        self.assert_empty()

    def test_each_branch_has_its_own(self) -> None:
        self.server = self.serve(Short)
        one, two = self.phones("bob", IncomingCall.ring, IncomingCall.ring)
        call = self.phone("alice").invite("bob")
        self.clock.advance(15)
        two.calls[0].ring()
        self.clock.advance(6)
        self.assertTrue(one.calls[0].canceled)
        self.assertFalse(two.calls[0].canceled)
        self.assertEqual(call.status, 180)
        two.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        self.assert_empty()

    def test_an_answer_that_crosses_the_cancel_still_counts(self) -> None:
        """While a failure route thinks about what to do: the 2xx is passed on (16.7 step 5)."""

        class Slow(Short):
            async def route(self) -> Any:
                self.tm.t_on_failure("think")
                return await super().route()

            @failure_route
            async def think(self) -> None:
                await pause(clock, 5)
                self.append_branch("sip:desk@10.0.9.9")
                seen.append(self.tm.t_relay())

        clock, seen = self.clock, list[bool]()
        self.server = self.serve(Slow)
        alice, bob = self.registered("alice", "bob")
        desk = self.phone("desk", "10.0.9.9")
        self.wire.lose = lambda packet: packet.start_line.startswith("CANCEL")
        call = alice.invite("bob")
        self.clock.advance(21)
        bob.calls[0].answer()
        self.clock.advance(10)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].acknowledged)
        self.assertEqual((seen, desk.calls), ([False], []))
        self.assert_empty()


class SilenceTests(CallCase):
    def test_retransmissions_of_an_invite(self) -> None:
        """ICT-01: at 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = silent
        begin = self.clock.seconds()
        alice.invite("bob")
        self.clock.advance(40)
        times = [round(packet.time - begin, 1) for packet in self.wire.sent("INVITE", HERE)]
        for time, due in zip(times, (0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5), strict=True):
            # Never early, at most one tick late.
            self.assertTrue(due <= time <= due + 0.2, (time, due))

    def test_over_tcp_it_is_sent_once(self) -> None:
        """ICT-02: timer B fires all the same."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        bob.on_call = silent
        call = alice.invite("bob")
        self.clock.advance(33)
        self.assertEqual(len(bob.received_messages), 2)  # the 200 of its REGISTER, and the INVITE
        self.assertEqual(call.statuses, [100, 408])
        self.assert_empty()

    def test_a_provisional_response_ends_them(self) -> None:
        """ICT-03."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = lambda call: call.reply(100)
        alice.invite("bob")
        self.clock.advance(30)
        self.assertEqual(len(self.wire.sent("INVITE", HERE)), 1)

    def test_a_message_is_repeated_every_t2_even_after_a_100(self) -> None:
        """NCT-01, NCT-02."""
        for provisional, due in (
            (False, [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]),
            (True, [0, 0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]),
        ):
            self.setUp()
            self.server = self.serve(Plain)
            alice, bob = self.registered("alice", "bob")
            bob.on_request = (lambda incoming: incoming.reply(100)) if provisional else (lambda incoming: None)
            begin = self.clock.seconds()
            alice.request("MESSAGE", "bob")
            self.clock.advance(31.9)
            times = [packet.time - begin for packet in self.wire.sent("MESSAGE", HERE)]
            self.assertEqual(len(times), len(due), times)
            for number, (time, wanted) in enumerate(zip(times, due, strict=True)):
                # Each is at most one tick later than the one before it wants.
                self.assertTrue(wanted - 0.01 <= time <= wanted + 0.11 * (number + 1), (time, wanted))
            self.assert_empty()
            self.doCleanups()

    def test_a_late_final_for_a_message_dies(self) -> None:
        """NCT-05 (RFC 4320 4.2)."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        held = list[Any]()
        bob.on_request = held.append
        alice.request("MESSAGE", "bob")
        self.clock.advance(34)
        before = len(self.to(alice))
        held[0].reply(200)
        self.clock.advance(1)
        self.assertEqual(len(self.to(alice)), before)
        self.assert_empty()

    def test_a_repeated_final_for_a_message_is_absorbed(self) -> None:
        """NCT-04, NST-02."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        message = alice.request("MESSAGE", "bob")
        self.clock.advance(1)
        (final,) = self.wire.sent("SIP/2.0 200", bob.address)[-1:]
        bob.send_raw(final.data, HERE)
        self.clock.advance(1)
        self.assertEqual(len(self.to(alice, "SIP/2.0 200")), 2)  # REGISTER and MESSAGE
        alice.send_raw(message.request.raw, HERE)
        self.clock.advance(1)
        answers = [packet.data for packet in self.to(alice, "SIP/2.0 200")[1:]]
        self.assertEqual(len(answers), 2)
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(methods(bob), ["MESSAGE"])

    def test_a_100_for_a_message_counts_from_its_arrival(self) -> None:
        """NST-03: when the route has waited, the time that passed counts (RFC 4320 4.1)."""

        class Slow(Plain):
            async def route(self) -> Any:
                if self.method == "MESSAGE":
                    await pause(clock, 2)
                return await super().route()

        clock = self.clock
        self.server = self.serve(Slow)
        alice, bob = self.registered("alice", "bob")
        bob.on_request = lambda incoming: None
        message = alice.request("MESSAGE", "bob")
        self.clock.advance(3.4)
        self.assertEqual(message.statuses, [])
        self.clock.advance(0.3)
        self.assertEqual(message.statuses, [100])
        self.assert_empty()

    def test_a_message_over_tcp_may_go_without_any_100(self) -> None:
        """NST-04, NST-05."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        bob.on_request = lambda incoming: None
        message = alice.request("MESSAGE", "bob")
        self.clock.advance(70)
        self.assertEqual([status for status in message.statuses if status >= 200], [])
        self.assert_empty()

    def test_a_failure_is_repeated_until_its_ack(self) -> None:
        """IST-05: at 0.5, 1, 2, 4, 4 ... s, until 32 s."""
        self.server = self.serve(Plain)
        alice = self.phone("alice")
        self.phones("bob", reject(486))
        self.wire.lose = lambda packet: packet.start_line.startswith("ACK") and packet.source == alice.address
        alice.invite("bob")
        self.clock.advance(40)
        times = [packet.time for packet in self.to(alice, "SIP/2.0 486")]
        gaps = [round(later - sooner, 1) for sooner, later in pairwise(times)]
        for gap, due in zip(gaps, [0.5, 1, 2, *[4] * 7], strict=True):
            self.assertTrue(due - 0.1 <= gap <= due + 0.2, gaps)
        self.assertEqual(self.server.servers.count, 0)

    def test_an_invite_repeated_after_the_180_gets_the_180_again(self) -> None:
        """IST-03, IST-04."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(0.2)
        alice.send_raw(call.request.raw, HERE)
        self.clock.advance(0.2)
        self.assertEqual(len(self.to(alice, "SIP/2.0 180")), 2)
        self.assertEqual(len(bob.received_messages), 2)
