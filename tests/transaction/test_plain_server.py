"""The non-INVITE server transaction against figure 8 of RFC 3261, with the rules of RFC 4320."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.transaction.plain_server import STATES, PlainServer
from sipexpress.transaction.timers import Timers
from tests.transaction.desk import Desk
from tests.transaction.figure import START, FigureCase, Input, deadline, make, reply

INPUTS: dict[str, Input] = {
    "request": lambda machine, now: machine.request(now),
    **{str(status): reply(status) for status in (100, 180, 199, 200, 302, 486, 699)},
    "own 200": reply(200, own=True),
    "abandon": lambda machine, now: machine.abandon(),
    "deadline": deadline,
}

# RFC 4320 4.1: no provisional response but 100, and over UDP none before Timer E of the client is T2;
# at that moment one has to go, whatever the transport.
UNRELIABLE = """
trying
    request, 100, 180, 199: -
    200, 302, 486, 699, own 200: send > completed @32
    abandon: end > terminated
    deadline: trying @never
trying and due for a 100
    request, 180, 199: -
    100: send > proceeding
    200, 302, 486, 699, own 200: send > completed @32
    abandon: end > terminated
    deadline: none
proceeding
    request, 100: send
    180, 199: -
    200, 302, 486, 699, own 200: send > completed @32
    abandon: end > terminated
    deadline: none
completed
    request: send
    100, 180, 199, 200, 302, 486, 699, own 200: -
    abandon: end > terminated
    deadline: end > terminated
terminated
    request, 100, 180, 199, 200, 302, 486, 699, own 200: -
    abandon: end
    deadline: none
"""

RELIABLE = """
trying
    request, 180, 199: -
    100: send > proceeding @never
    200, 302, 486, 699, own 200: send end > terminated
    abandon: end > terminated
    deadline: trying @never
trying and due for a 100
    request, 180, 199: -
    100: send > proceeding
    200, 302, 486, 699, own 200: send end > terminated
    abandon: end > terminated
    deadline: none
proceeding
    request, 100: send
    180, 199: -
    200, 302, 486, 699, own 200: send end > terminated
    abandon: end > terminated
    deadline: none
terminated
    request, 100, 180, 199, 200, 302, 486, 699, own 200: -
    abandon: end
    deadline: none
"""


def ways(reliable: bool) -> dict[str, Callable[[], tuple[Any, float]]]:
    """How a machine comes into each state."""

    def begun() -> tuple[Any, float]:
        machine = make(PlainServer, reliable)
        machine.begin(START)
        return machine, START

    def due(*statuses: int) -> tuple[Any, float]:
        machine, _ = begun()
        now = machine.due
        machine.timeout(now)
        for status in statuses:
            machine.reply(status, b"SIP/2.0 %d" % status, now)
        return machine, now

    def ended() -> tuple[Any, float]:
        machine, now = due(100, 200)
        if machine.due:
            machine.timeout(machine.due)
        return machine, now

    states = {
        "trying": begun,
        "trying and due for a 100": due,
        "proceeding": lambda: due(100),
        "terminated": ended,
    }
    if not reliable:
        states["completed"] = lambda: due(100, 200)
    return states


class FigureTests(FigureCase):
    names = STATES

    def test_unreliable(self) -> None:
        self.check(UNRELIABLE, ways(False), INPUTS)

    def test_reliable(self) -> None:
        """Timer J is for UDP only: Completed is left as soon as it is entered."""
        self.check(RELIABLE, ways(True), INPUTS)


class SentTests(SynchronousTestCase):
    """What a retransmission is answered with."""

    def test_the_first_final_response(self) -> None:
        machine = make(PlainServer, False)
        machine.begin(START)
        machine.reply(200, b"ok", START)
        machine.reply(500, b"error", START)
        self.assertEqual(machine.sent, b"ok")


class TimerTests(SynchronousTestCase):
    """What the wheel makes of the timers (RFC 3261 17.2.2, RFC 4320 4.1)."""

    def begun(self, reliable: bool = False, start: float = START) -> Desk:
        desk = Desk(make(PlainServer, reliable, Timers()), start)
        desk.machine.begin(desk.now)
        desk.note(0)
        return desk

    def test_100_is_due_when_timer_e_of_the_client_is_t2(self) -> None:
        """0.5 + 1 + 2 seconds, "without regard to transport"."""
        for reliable in (False, True):
            desk = self.begun(reliable)
            desk.wait(60)
            self.assertEqual(desk.log, [(3.5, "trying")])

    def test_no_100_when_there_is_an_answer(self) -> None:
        desk = self.begun()
        desk.wait(1)
        desk.note(desk.machine.reply(200, b"ok", desk.now))
        desk.wait(60)
        self.assertEqual(desk.log, [(1, "send"), (33, "end")])

    def test_the_final_response_is_repeated_for_timer_j(self) -> None:
        desk = self.begun()
        desk.note(desk.machine.reply(200, b"ok", desk.now))
        for _ in range(3):
            desk.wait(10)
            desk.note(desk.machine.request(desk.now))
        desk.wait(60)
        self.assertEqual(desk.times("send"), [0, 10, 20, 30])
        self.assertEqual(desk.log[-1], (32, "end"))
