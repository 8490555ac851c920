"""The INVITE client transaction against figure 5 of RFC 3261, as RFC 6026 section 8.4 changes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.transaction.effects import SEND
from sipexpress.transaction.invite_client import STATES, InviteClient
from sipexpress.transaction.timers import Timers
from tests.transaction.desk import Desk
from tests.transaction.figure import START, FigureCase, Input, deadline, make, response

SCHEDULE = [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]

INPUTS: dict[str, Input] = {
    **{str(status): response(status) for status in (100, 180, 199, 200, 299, 300, 486, 699)},
    "cancel": lambda machine, now: machine.cancel(now),
    "error": lambda machine, now: machine.failed(),
    "deadline": deadline,
}

UNRELIABLE = """
calling
    100, 180, 199: deliver > proceeding @185
    200, 299: deliver > accepted @32
    300, 486, 699: ack deliver > completed @32
    cancel: no
    error: timeout end > terminated
    deadline: send @1
calling for the last time
    100, 180, 199: deliver > proceeding @185
    200, 299: deliver > accepted @32
    300, 486, 699: ack deliver > completed @32
    cancel: no
    error: timeout end > terminated
    deadline: timeout end > terminated
proceeding
    100: deliver
    180, 199: deliver @185
    200, 299: deliver > accepted @32
    300, 486, 699: ack deliver > completed @32
    cancel: yes @32
    error: -
    deadline: timeout @32
proceeding and canceled
    100, 180, 199: deliver
    200, 299: deliver > accepted @32
    300, 486, 699: ack deliver > completed @32
    cancel: no
    error: -
    deadline: timeout end > terminated
completed
    100, 180, 199, 200, 299: -
    300, 486, 699: ack
    cancel: no
    error: -
    deadline: end > terminated
accepted
    100, 180, 199, 300, 486, 699: -
    200, 299: deliver
    cancel: no
    error: -
    deadline: end > terminated
terminated
    100, 180, 199, 200, 299, 300, 486, 699: -
    cancel: no
    error: -
    deadline: none
"""

RELIABLE = """
calling
    100, 180, 199: deliver > proceeding @185
    200, 299: deliver > accepted @32
    300, 486, 699: ack deliver end > terminated
    cancel: no
    error: timeout end > terminated
    deadline: timeout end > terminated
proceeding
    100: deliver
    180, 199: deliver @185
    200, 299: deliver > accepted @32
    300, 486, 699: ack deliver end > terminated
    cancel: yes @32
    error: -
    deadline: timeout @32
proceeding and canceled
    100, 180, 199: deliver
    200, 299: deliver > accepted @32
    300, 486, 699: ack deliver end > terminated
    cancel: no
    error: -
    deadline: timeout end > terminated
accepted
    100, 180, 199, 300, 486, 699: -
    200, 299: deliver
    cancel: no
    error: -
    deadline: end > terminated
terminated
    100, 180, 199, 200, 299, 300, 486, 699: -
    cancel: no
    error: -
    deadline: none
"""


def ways(reliable: bool) -> dict[str, Callable[[], tuple[Any, float]]]:
    """How a machine comes into each state."""

    def started() -> Any:
        machine = make(InviteClient, reliable)
        assert machine.start(START) == SEND
        return machine

    def waiting() -> tuple[Any, float]:
        machine = started()
        now = START
        while machine.due < machine.give_up:
            now = machine.due
            machine.timeout(now)
        return machine, now

    def after(*statuses: int, canceled: bool = False) -> tuple[Any, float]:
        machine = started()
        for status in statuses:
            machine.receive(status, START)
        if canceled:
            assert machine.cancel(START)
        return machine, START

    def failed() -> tuple[Any, float]:
        machine = started()
        machine.failed()
        return machine, START

    states = {
        "calling": after,
        "proceeding": lambda: after(180),
        "proceeding and canceled": lambda: after(180, canceled=True),
        "accepted": lambda: after(180, 200),
        "terminated": failed,
    }
    if not reliable:
        states |= {"calling for the last time": waiting, "completed": lambda: after(180, 486)}
    return states


class FigureTests(FigureCase):
    names = STATES

    def test_unreliable(self) -> None:
        self.check(UNRELIABLE, ways(False), INPUTS)

    def test_reliable(self) -> None:
        """Timers A and D are for UDP only, and Completed is left as soon as it is entered."""
        self.check(RELIABLE, ways(True), INPUTS)


class SentTests(SynchronousTestCase):
    """The INVITE in memory."""

    def test_it_is_kept_until_a_2xx(self) -> None:
        machine = make(InviteClient, False)
        machine.sent = b"INVITE"
        machine.start(START)
        machine.receive(180, START)
        self.assertEqual(machine.sent, b"INVITE")
        machine.receive(200, START)
        self.assertEqual(machine.sent, b"")

    def test_it_is_there_to_make_the_ack_for_a_failure(self) -> None:
        machine = make(InviteClient, False)
        machine.sent = b"INVITE"
        machine.start(START)
        machine.receive(486, START)
        self.assertEqual(machine.sent, b"INVITE")


class TimerTests(SynchronousTestCase):
    """What the wheel makes of the timers (RFC 3261 17.1.1.2)."""

    def begun(self, reliable: bool = False, start: float = START, late: float = 0.0, **timers: float) -> Desk:
        desk = Desk(make(InviteClient, reliable, Timers(**timers)), start, late)
        desk.start()
        return desk

    def test_seven_invites_at_doubling_intervals(self) -> None:
        desk = self.begun()
        desk.wait(40)
        self.assertEqual(desk.times("send"), SCHEDULE)
        self.assertEqual(desk.log[-1], (32, "timeout end"))

    def test_lateness_of_the_wheel_does_not_add_up(self) -> None:
        """A reactor calls a little after the moment; the seventh INVITE still goes out before Timer B."""
        desk = self.begun(start=START + 0.01, late=0.003)
        desk.wait(40)
        for time, ideal in zip(desk.times("send"), SCHEDULE, strict=True):
            self.assertTrue(ideal <= time <= ideal + 0.104, f"{time} instead of {ideal}")

    def test_timer_b_comes_once_whenever_it_starts(self) -> None:
        """Rounding may put a tick a hair before the deadline, and that is no retransmission."""
        for tick in range(100):
            for hair in (-5e-8, 0.0, 5e-8):
                reliable = self.begun(True, START + tick * 0.1 + hair)
                unreliable = self.begun(False, START + tick * 0.1 + hair)
                reliable.wait(40)
                unreliable.wait(40)
                self.assertEqual([effects for _, effects in reliable.log], ["send", "timeout end"])
                self.assertEqual([effects for _, effects in unreliable.log], ["send"] * 7 + ["timeout end"])

    def test_a_shorter_fr_timer_ends_it_between_two_retransmissions(self) -> None:
        desk = self.begun(fr_timer=2.0)
        desk.wait(10)
        self.assertEqual(desk.log, [(0.0, "send"), (0.5, "send"), (1.5, "send"), (2.0, "timeout end")])

    def test_a_provisional_response_ends_retransmission(self) -> None:
        desk = self.begun()
        desk.wait(1)
        desk.note(desk.machine.receive(100, desk.now))
        desk.wait(100)
        self.assertEqual(desk.times("send"), [0, 0.5])

    def test_timer_c_runs_from_the_last_101_to_199(self) -> None:
        desk = self.begun()
        for status in (180, 183, 100):
            desk.note(desk.machine.receive(status, desk.now))
            desk.wait(100)
        self.assertEqual(desk.log[-1], (285, "timeout"))

    def test_timer_c_and_no_487_after_the_cancel(self) -> None:
        """64*T1 after the CANCEL it is over, whatever the other side does (RFC 3261 9.1)."""
        desk = self.begun()
        desk.note(desk.machine.receive(180, desk.now))
        desk.wait(186)
        self.assertTrue(desk.machine.cancel(desk.now))
        desk.note(desk.machine.receive(180, desk.now))
        desk.wait(40)
        self.assertEqual(desk.log[-1], (218, "timeout end"))

    def test_timer_d_is_never_under_32_seconds(self) -> None:
        """The server may have a longer T1 than this client (17.1.1.2)."""
        desk = self.begun(t1=0.1)
        desk.note(desk.machine.receive(486, desk.now))
        desk.wait(70)
        self.assertEqual(desk.times("end"), [32])

    def test_timer_d_grows_with_t1(self) -> None:
        desk = self.begun(t1=1.0)
        desk.note(desk.machine.receive(486, desk.now))
        desk.wait(70)
        self.assertEqual(desk.times("end"), [64])

    def test_after_a_stall_what_was_missed_is_not_made_up_for(self) -> None:
        desk = self.begun()
        desk.jump(10)
        desk.wait(0.9)
        self.assertEqual(desk.times("send"), [0, 10])
        desk.jump(30)
        self.assertEqual(desk.log[-1], (40.9, "timeout end"))
