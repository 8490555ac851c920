"""The non-INVITE client transaction against figure 6 of RFC 3261."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.transaction.effects import SEND
from sipexpress.transaction.plain_client import STATES, PlainClient
from sipexpress.transaction.timers import Timers
from tests.transaction.desk import Desk
from tests.transaction.figure import START, FigureCase, Input, deadline, make, response

INPUTS: dict[str, Input] = {
    **{str(status): response(status) for status in (100, 180, 200, 302, 408, 699)},
    "error": lambda machine, now: machine.failed(),
    "deadline": deadline,
}

UNRELIABLE = """
trying
    100, 180: deliver > proceeding
    200, 302, 408, 699: deliver > completed @5
    error: timeout end > terminated
    deadline: send @1
trying for the last time
    100, 180: deliver > proceeding
    200, 302, 408, 699: deliver > completed @5
    error: timeout end > terminated
    deadline: timeout end > terminated
proceeding
    100, 180: deliver
    200, 302, 408, 699: deliver > completed @5
    error: timeout end > terminated
    deadline: send @4
proceeding for the last time
    100, 180: deliver
    200, 302, 408, 699: deliver > completed @5
    error: timeout end > terminated
    deadline: timeout end > terminated
completed
    100, 180, 200, 302, 408, 699, error: -
    deadline: end > terminated
terminated
    100, 180, 200, 302, 408, 699, error: -
    deadline: none
"""

RELIABLE = """
trying
    100, 180: deliver > proceeding
    200, 302, 408, 699: deliver end > terminated
    error: timeout end > terminated
    deadline: timeout end > terminated
proceeding
    100, 180: deliver
    200, 302, 408, 699: deliver end > terminated
    error: timeout end > terminated
    deadline: timeout end > terminated
terminated
    100, 180, 200, 302, 408, 699, error: -
    deadline: none
"""


def ways(reliable: bool) -> dict[str, Callable[[], tuple[Any, float]]]:
    """How a machine comes into each state."""

    def after(*statuses: int, until_last: bool = False) -> tuple[Any, float]:
        machine = make(PlainClient, reliable)
        assert machine.start(START) == SEND
        for status in statuses:
            machine.receive(status, START)
        now = START
        while until_last and machine.due < machine.give_up:
            now = machine.due
            machine.timeout(now)
        return machine, now

    def failed() -> tuple[Any, float]:
        machine, now = after()
        machine.failed()
        return machine, now

    states = {"trying": after, "proceeding": lambda: after(100), "terminated": failed}
    if not reliable:
        states |= {
            "trying for the last time": lambda: after(until_last=True),
            "proceeding for the last time": lambda: after(100, until_last=True),
            "completed": lambda: after(200),
        }
    return states


class FigureTests(FigureCase):
    names = STATES

    def test_unreliable(self) -> None:
        self.check(UNRELIABLE, ways(False), INPUTS)

    def test_reliable(self) -> None:
        """Timers E and K are for UDP only, and Completed is left as soon as it is entered."""
        self.check(RELIABLE, ways(True), INPUTS)


class SentTests(SynchronousTestCase):
    """The request in memory."""

    def test_it_is_kept_until_the_final_response(self) -> None:
        machine = make(PlainClient, False)
        machine.sent = b"MESSAGE"
        machine.start(START)
        machine.receive(100, START)
        self.assertEqual(machine.sent, b"MESSAGE")
        machine.receive(200, START)
        self.assertEqual(machine.sent, b"")


class TimerTests(SynchronousTestCase):
    """What the wheel makes of the timers (RFC 3261 17.1.2.2)."""

    def begun(self, reliable: bool = False, start: float = START, late: float = 0.0) -> Desk:
        desk = Desk(make(PlainClient, reliable, Timers()), start, late)
        desk.start()
        return desk

    def test_eleven_requests_at_intervals_up_to_t2(self) -> None:
        desk = self.begun()
        desk.wait(40)
        self.assertEqual(desk.times("send"), [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5])
        self.assertEqual(desk.log[-1], (32, "timeout end"))

    def test_lateness_of_the_wheel_does_not_add_up(self) -> None:
        desk = self.begun(start=START + 0.01, late=0.003)
        desk.wait(40)
        self.assertEqual(len(desk.times("send")), 11)
        self.assertTrue(31.5 <= desk.times("send")[-1] <= 31.604, desk.times("send")[-1])

    def test_after_a_provisional_response_every_t2(self) -> None:
        """Timer E runs on to the end of its interval, and is T2 from then on."""
        desk = self.begun()
        desk.wait(0.6)
        desk.note(desk.machine.receive(100, desk.now))
        desk.wait(40)
        self.assertEqual(desk.times("send"), [0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5])
        self.assertEqual(desk.log[-1], (32, "timeout end"))

    def test_timer_f_comes_once_whenever_it_starts(self) -> None:
        for tick in range(100):
            for hair in (-5e-8, 0.0, 5e-8):
                for statuses in ((), (100,)):
                    desk = self.begun(True, START + tick * 0.1 + hair)
                    for status in statuses:
                        desk.machine.receive(status, desk.now)
                    desk.wait(40)
                    self.assertEqual([effects for _, effects in desk.log], ["send", "timeout end"])

    def test_retransmitted_final_responses_are_absorbed_for_timer_k(self) -> None:
        desk = self.begun()
        desk.note(desk.machine.receive(200, desk.now))
        desk.wait(4.9)
        desk.note(desk.machine.receive(200, desk.now))
        desk.wait(10)
        self.assertEqual(desk.log, [(0, "send"), (0, "deliver"), (5, "end")])
