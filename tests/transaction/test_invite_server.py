"""The INVITE server transaction against figure 7 of RFC 3261, as RFC 6026 section 7.1 changes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.transaction.invite_server import STATES, InviteServer
from sipexpress.transaction.timers import Timers
from tests.transaction.desk import Desk
from tests.transaction.figure import START, FigureCase, Input, deadline, make, reply

INPUTS: dict[str, Input] = {
    "invite": lambda machine, now: machine.request(now),
    **{str(status): reply(status) for status in (100, 180, 200, 299, 300, 486, 699)},
    "own 200": reply(200, own=True),
    "ack": lambda machine, now: machine.ack(now),
    "acknowledged": lambda machine, now: machine.acknowledged(),
    "abandon": lambda machine, now: machine.abandon(),
    "deadline": deadline,
}

# DELIVER of a 2xx: it is sent once, and not kept.
COMMON = """
proceeding without a response
    invite, ack, acknowledged: -
    100, 180: send
    200, 299: deliver > accepted @32
    own 200: send > accepted @0.5
    300, 486, 699: send > completed {first}
    abandon: end > terminated
    deadline: none
proceeding
    invite, 100, 180: send
    200, 299: deliver > accepted @32
    own 200: send > accepted @0.5
    300, 486, 699: send > completed {first}
    ack, acknowledged: -
    abandon: end > terminated
    deadline: none
completed
    invite: send
    100, 180, 200, 299, own 200, 300, 486, 699, acknowledged: -
    ack: {confirmed}
    abandon: end > terminated
    deadline: {again}
accepted
    invite, 100, 180, 300, 486, 699, acknowledged: -
    200, 299, own 200, ack: deliver
    abandon: end > terminated
    deadline: end > terminated
accepted by this server
    invite, 100, 180, 300, 486, 699: -
    200, 299, own 200: deliver
    ack: deliver @31.75
    acknowledged: @31.75
    abandon: end > terminated
    deadline: send @1
accepted by this server for the last time
    invite, 100, 180, 300, 486, 699, acknowledged: -
    200, 299, own 200, ack: deliver
    abandon: end > terminated
    deadline: end > terminated
terminated
    invite, 100, 180, 200, 299, own 200, 300, 486, 699, ack, acknowledged: -
    abandon: end
    deadline: none
"""

ONLY_UNRELIABLE = """
completed for the last time
    invite: send
    100, 180, 200, 299, own 200, 300, 486, 699, acknowledged: -
    ack: > confirmed @5
    abandon: end > terminated
    deadline: timeout end > terminated
confirmed
    invite, 100, 180, 200, 299, own 200, 300, 486, 699, ack, acknowledged: -
    abandon: end > terminated
    deadline: end > terminated
"""

UNRELIABLE = COMMON.format(first="@0.5", confirmed="> confirmed @5", again="send @1") + ONLY_UNRELIABLE.lstrip()
RELIABLE = COMMON.format(first="@32", confirmed="end > terminated", again="timeout end > terminated")


def ways(reliable: bool) -> dict[str, Callable[[], tuple[Any, float]]]:
    """How a machine comes into each state."""

    def after(*statuses: int, own: bool = False, ack: bool = False, until_last: bool = False) -> tuple[Any, float]:
        machine = make(InviteServer, reliable)
        for status in statuses:
            machine.reply(status, b"SIP/2.0 %d" % status, START, own)
        if ack:
            machine.ack(START)
        now = START
        while until_last and machine.due < machine.give_up:
            now = machine.due
            machine.timeout(now)
        return machine, now

    def abandoned() -> tuple[Any, float]:
        machine, now = after(180)
        machine.abandon()
        return machine, now

    states = {
        "proceeding without a response": after,
        "proceeding": lambda: after(180),
        "completed": lambda: after(180, 486),
        "accepted": lambda: after(180, 200),
        "accepted by this server": lambda: after(200, own=True),
        "accepted by this server for the last time": lambda: after(200, own=True, until_last=True),
        "terminated": abandoned,
    }
    if not reliable:
        states |= {
            "completed for the last time": lambda: after(486, until_last=True),
            "confirmed": lambda: after(486, ack=True),
        }
    return states


class FigureTests(FigureCase):
    names = STATES

    def test_unreliable(self) -> None:
        self.check(UNRELIABLE, ways(False), INPUTS)

    def test_reliable(self) -> None:
        """Timers G and I are for UDP only; Timer L, and a 2xx of this server's, are as over UDP (13.3.1.4)."""
        self.check(RELIABLE, ways(True), INPUTS)


class SentTests(SynchronousTestCase):
    """What a retransmission is answered with."""

    def test_the_latest_provisional_response(self) -> None:
        machine = make(InviteServer, False)
        machine.reply(100, b"trying", START)
        machine.reply(180, b"ringing", START)
        self.assertEqual(machine.sent, b"ringing")

    def test_the_failure_and_not_what_came_after_it(self) -> None:
        machine = make(InviteServer, False)
        for status, data in ((180, b"ringing"), (486, b"busy"), (180, b"ringing"), (200, b"ok"), (603, b"no")):
            machine.reply(status, data, START)
        self.assertEqual(machine.sent, b"busy")

    def test_nothing_is_kept_of_a_2xx_from_elsewhere(self) -> None:
        """Its sender repeats it (RFC 6026 7.1)."""
        machine = make(InviteServer, False)
        machine.reply(180, b"ringing", START)
        machine.reply(200, b"ok", START)
        self.assertEqual(machine.sent, b"")

    def test_nothing_is_kept_once_it_is_acknowledged(self) -> None:
        failed, answered = make(InviteServer, False), make(InviteServer, False)
        failed.reply(486, b"busy", START)
        answered.reply(200, b"ok", START, True)
        self.assertEqual((failed.sent, answered.sent), (b"busy", b"ok"))
        failed.ack(START)
        answered.acknowledged()
        self.assertEqual((failed.sent, answered.sent), (b"", b""))


class TimerTests(SynchronousTestCase):
    """What the wheel makes of the timers (RFC 3261 17.2.1, 13.3.1.4)."""

    def replied(self, status: int, reliable: bool = False, own: bool = False, **options: float) -> Desk:
        desk = Desk(make(InviteServer, reliable, Timers()), **options)
        desk.note(desk.machine.reply(status, b"data", desk.now, own))
        return desk

    def test_a_failure_is_sent_at_intervals_up_to_t2(self) -> None:
        desk = self.replied(486)
        desk.wait(40)
        self.assertEqual(desk.times("send"), [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5])
        self.assertEqual(desk.log[-1], (32, "timeout end"))

    def test_lateness_of_the_wheel_does_not_add_up(self) -> None:
        desk = self.replied(486, start=START + 0.01, late=0.003)
        desk.wait(40)
        self.assertEqual(len(desk.times("send")), 11)
        self.assertTrue(31.5 <= desk.times("send")[-1] <= 31.604, desk.times("send")[-1])

    def test_an_ack_ends_it_and_further_acks_are_absorbed_for_timer_i(self) -> None:
        desk = self.replied(486)
        desk.wait(2)
        desk.note(desk.machine.ack(desk.now))
        desk.wait(4.9)
        desk.note(desk.machine.ack(desk.now))
        desk.wait(10)
        self.assertEqual(desk.log, [(0, "send"), (0.5, "send"), (1.5, "send"), (7, "end")])

    def test_over_tcp_a_failure_is_sent_once_and_timer_h_waits(self) -> None:
        for tick in range(100):
            for hair in (-5e-8, 0.0, 5e-8):
                desk = self.replied(486, True, start=START + tick * 0.1 + hair)
                desk.wait(40)
                self.assertEqual([effects for _, effects in desk.log], ["send", "timeout end"])

    def test_a_2xx_of_this_server_is_sent_until_its_ack_over_every_transport(self) -> None:
        for reliable in (False, True):
            desk = self.replied(200, reliable, own=True)
            desk.wait(8)
            self.assertEqual(desk.times("send"), [0, 0.5, 1.5, 3.5, 7.5])
            desk.machine.acknowledged()
            desk.wait(40)
            self.assertEqual(len(desk.times("send")), 5)
            self.assertEqual(desk.log[-1], (32, "end"))

    def test_a_2xx_of_this_server_that_nobody_acknowledges(self) -> None:
        desk = self.replied(200, own=True)
        desk.wait(40)
        self.assertEqual(len(desk.times("send")), 11)
        self.assertEqual(desk.log[-1], (32, "end"))

    def test_accepted_absorbs_for_timer_l(self) -> None:
        """Further INVITEs are no new request until 64*T1 after the first 2xx (RFC 6026 7.1)."""
        desk = self.replied(200)
        desk.wait(31.9)
        self.assertEqual(desk.machine.request(desk.now), 0)
        self.assertEqual(desk.times("end"), [])
        desk.note(desk.machine.reply(200, b"again", desk.now))
        desk.wait(0.2)
        self.assertEqual(desk.log, [(0, "deliver"), (31.9, "deliver"), (32, "end")])
