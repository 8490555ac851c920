"""The clock of a server, and the one delayed call that turns its wheel."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.server.clockwork import Clockwork
from sipexpress.testing.clock import VirtualClock
from sipexpress.transaction.effects import NOTHING, SEND
from sipexpress.transaction.machine import Machine
from sipexpress.transaction.plain_client import PlainClient
from sipexpress.transaction.timers import Timers
from sipexpress.transaction.wheel import Timed


class Alarm(Timed):
    """Does something when its time has come, and tells when that was."""

    def __init__(self, due: float, action: Callable[[], None] = lambda: None) -> None:
        self.due = due
        self.armed = 0
        self.action = action
        self.came: list[float] = []

    def timeout(self, now: float) -> int:
        self.due = 0.0
        self.came.append(round(now, 6))
        self.action()
        return NOTHING


class ClockworkTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = VirtualClock()
        self.expired: list[tuple[Machine, int]] = []
        self.clockwork = Clockwork(self.clock, lambda machine, effects: self.expired.append((machine, effects)))
        self.start = self.clockwork.now()

    def alarm(self, delay: float, action: Callable[[], None] = lambda: None) -> Alarm:
        alarm = Alarm(self.start + delay, action)
        self.clockwork.arm(alarm)
        return alarm

    def came(self, *alarms: Alarm) -> list[list[float]]:
        return [[round(time - self.start, 6) for time in alarm.came] for alarm in alarms]

    def test_the_effects_of_a_machine_are_handed_on(self) -> None:
        machine = PlainClient(b"key", None, False, Timers(), None)
        machine.start(self.start)
        self.clockwork.arm(machine)
        self.clock.advance(0.4)
        self.assertEqual(self.expired, [])
        self.clock.advance(0.1)
        self.assertEqual(self.expired, [(machine, SEND)])

    def test_one_delayed_call_for_all_and_none_when_there_is_nothing_to_wait_for(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for delay in range(1, 50):
            self.alarm(delay)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(49)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_goes_on_after_an_idle_hour(self) -> None:
        self.clock.advance(3600)
        alarm = self.alarm(3601)
        self.clock.advance(10)
        self.assertEqual(self.came(alarm), [[3601.0]])

    def test_an_alarm_may_set_itself_again(self) -> None:
        def again() -> None:
            alarm.due = self.clockwork.now() + 1.0

        alarm = self.alarm(1, again)
        self.clock.advance(3.05)
        self.assertEqual(self.came(alarm), [[1.0, 2.0, 3.0]])

    def test_one_may_move_or_drop_another_of_the_same_tick(self) -> None:
        """A branch that is canceled in the very tick of its Timer C: it still has 64*T1 to end."""

        def change() -> None:
            moved.due = self.start + 5.0
            self.clockwork.arm(moved)
            forgotten.due = self.start + 6.0  # the wheel is not told of a later deadline
            dropped.due = 0.0

        first = self.alarm(1, change)
        moved, forgotten, dropped, last = (self.alarm(1) for _ in range(4))
        self.clock.advance(10)
        self.assertEqual(self.came(first, moved, forgotten, dropped, last), [[1.0], [5.0], [6.0], [], [1.0]])

    def test_one_that_raises_does_not_take_the_others_along(self) -> None:
        def fail() -> None:
            raise ValueError("a bug")

        before, wrong, after, later = self.alarm(1), self.alarm(1, fail), self.alarm(1), self.alarm(2)
        self.assertRaises(ValueError, self.clock.advance, 5)
        self.clock.advance(5)
        self.assertEqual(self.came(before, wrong, after, later), [[1.0], [1.0], [1.1], [2.0]])

    def test_stopped(self) -> None:
        alarm = self.alarm(1)
        self.clockwork.stop()
        self.clock.advance(10)
        self.assertEqual(alarm.came, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
