"""The timer wheel: never early, at most one tick late, moved and dropped for nothing."""

from __future__ import annotations

import gc
import random
import weakref

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.transaction.wheel import Timed, Wheel, tick_of

TICK = 0.1
# A deadline and a tick that differ by rounding only are the same moment.
HAIR = 2e-7


class Alarm(Timed):
    """Something that is due at a time."""

    __slots__ = ("__weakref__",)

    def __init__(self, due: float = 0.0) -> None:
        self.due = due
        self.armed = 0


class Clock:
    """A wheel that is turned tick by tick."""

    def __init__(self, start: float = 1000.0) -> None:
        self.wheel = Wheel(start)
        self.now = start

    def alarm(self, due: float) -> Alarm:
        alarm = Alarm(due)
        self.wheel.arm(alarm)
        return alarm

    def until(self, now: float) -> list[tuple[float, Timed]]:
        """Turn it until `now`; give what came due, and when."""
        found: list[tuple[float, Timed]] = []
        while self.wheel.next_due() <= now + HAIR:
            self.now = self.wheel.next_due()
            found += [(self.now, alarm) for alarm in self.wheel.advance(self.now)]
        self.now = now
        return found


class OneTests(SynchronousTestCase):
    """One deadline."""

    def test_on_a_tick(self) -> None:
        clock = Clock()
        alarm = clock.alarm(1000.5)
        self.assertEqual(clock.until(1000.4), [])
        [(time, found)] = clock.until(1000.5)
        self.assertIs(found, alarm)
        self.assertAlmostEqual(time, 1000.5)

    def test_between_two_ticks_it_is_the_second(self) -> None:
        clock = Clock()
        clock.alarm(1000.5001)
        self.assertEqual(clock.until(1000.5), [])
        self.assertEqual(len(clock.until(1000.6)), 1)

    def test_in_the_past_it_is_the_next_tick(self) -> None:
        clock = Clock()
        clock.until(1010.0)
        clock.alarm(1003.0)
        self.assertEqual(clock.wheel.advance(1010.05), [])
        self.assertEqual(len(clock.until(1010.1)), 1)

    def test_at_this_very_moment_it_is_the_next_tick(self) -> None:
        clock = Clock()
        clock.until(1010.0)
        clock.alarm(1010.0)
        [(time, _)] = clock.until(1020.0)
        self.assertAlmostEqual(time, 1010.1)

    def test_it_comes_once(self) -> None:
        clock = Clock()
        alarm = clock.alarm(1000.5)
        clock.wheel.arm(alarm)
        self.assertEqual(len(clock.until(1100.0)), 1)

    def test_moved_later_without_a_word_to_the_wheel(self) -> None:
        clock = Clock()
        alarm = clock.alarm(1000.5)
        alarm.due = 1002.0
        self.assertEqual(clock.until(1001.9), [])
        self.assertEqual(len(clock.until(1002.0)), 1)

    def test_moved_earlier(self) -> None:
        clock = Clock()
        alarm = clock.alarm(1020.0)
        alarm.due = 1001.0
        clock.wheel.arm(alarm)
        [(time, _)] = clock.until(1030.0)
        self.assertAlmostEqual(time, 1001.0)

    def test_moved_earlier_and_back(self) -> None:
        clock = Clock()
        alarm = clock.alarm(1020.0)
        for due in (1001.0, 1020.0):
            alarm.due = due
            clock.wheel.arm(alarm)
        [(time, _)] = clock.until(1030.0)
        self.assertAlmostEqual(time, 1020.0)

    def test_armed_again_when_it_came(self) -> None:
        clock = Clock()
        alarm = clock.alarm(1020.0)
        alarm.due = 1001.0
        clock.wheel.arm(alarm)
        self.assertEqual(len(clock.until(1001.0)), 1)
        alarm.due = 1020.0
        clock.wheel.arm(alarm)
        [(time, _)] = clock.until(1030.0)
        self.assertAlmostEqual(time, 1020.0)

    def test_dropped(self) -> None:
        clock = Clock()
        clock.alarm(1000.5).due = 0.0
        self.assertEqual(clock.until(1001.0), [])
        self.assertFalse(clock.wheel)

    def test_dropped_and_armed_again(self) -> None:
        clock = Clock()
        alarm = clock.alarm(1000.5)
        alarm.due = 0.0
        clock.until(1000.2)
        alarm.due = 1001.0
        clock.wheel.arm(alarm)
        [(time, _)] = clock.until(1002.0)
        self.assertAlmostEqual(time, 1001.0)

    def test_whether_there_is_any(self) -> None:
        clock = Clock()
        self.assertFalse(clock.wheel)
        clock.alarm(1000.5)
        self.assertTrue(clock.wheel)
        clock.until(1000.5)
        self.assertFalse(clock.wheel)

    def test_what_another_one_changes_in_the_same_tick(self) -> None:
        """Both are handed out, but by then the second is moved or dropped: its time has not come."""
        clock = Clock()
        first, moved, dropped = (clock.alarm(1000.5) for _ in range(3))
        self.assertEqual(clock.wheel.advance(1000.5), [first, moved, dropped])
        moved.due = 1001.0
        dropped.due = 0.0
        passed = [clock.wheel.passed(alarm) for alarm in (first, moved, dropped)]
        self.assertEqual(passed, [True, False, False])

    def test_a_dropped_one_is_let_go_of_soon(self) -> None:
        """Timer C runs for minutes: a call that is over does not stay in memory until then."""
        clock = Clock()
        alarm = clock.alarm(1185.0)
        gone = weakref.ref(alarm)
        alarm.due = 0.0
        del alarm
        clock.until(1033.0)
        gc.collect()
        self.assertIsNone(gone())

    def test_one_moved_earlier_is_let_go_of_soon(self) -> None:
        clock = Clock()
        alarm = clock.alarm(1185.0)
        alarm.due = 1005.0
        clock.wheel.arm(alarm)
        gone = weakref.ref(alarm)
        del alarm
        self.assertEqual(len(clock.until(1005.0)), 1)
        clock.until(1033.0)
        gc.collect()
        self.assertIsNone(gone())

    def test_far_away(self) -> None:
        clock = Clock()
        clock.alarm(1000.0 + 86400)
        self.assertEqual(clock.until(1000.0 + 86399.9), [])
        self.assertEqual(len(clock.until(1000.0 + 86400)), 1)


class TimeTests(SynchronousTestCase):
    """The clock that turns it."""

    def test_a_jump_brings_all_in_order_of_ticks(self) -> None:
        clock = Clock()
        later, sooner, far = clock.alarm(1020.0), clock.alarm(1001.0), clock.alarm(1500.0)
        self.assertEqual(clock.wheel.advance(1400.0), [sooner, later])
        self.assertEqual(clock.wheel.advance(1499.9), [])
        self.assertEqual(clock.wheel.advance(1500.0), [far])

    def test_a_short_jump_over_many(self) -> None:
        clock = Clock()
        alarms = [clock.alarm(1000.0 + number / 10) for number in range(1, 301)]
        self.assertEqual(clock.wheel.advance(1010.0), alarms[:100])

    def test_a_step_back_does_nothing(self) -> None:
        clock = Clock()
        alarm = clock.alarm(1000.5)
        self.assertEqual(clock.wheel.advance(900.0), [])
        self.assertEqual(clock.wheel.advance(1000.5), [alarm])

    def test_twice_in_one_tick(self) -> None:
        clock = Clock()
        clock.alarm(1000.5)
        self.assertEqual(len(clock.wheel.advance(1000.51)), 1)
        self.assertEqual(clock.wheel.advance(1000.55), [])

    def test_after_an_idle_hour(self) -> None:
        """Nobody turns an empty wheel."""
        wheel = Wheel(1000.0)
        alarm = Alarm(4600.5)
        wheel.arm(alarm)
        self.assertEqual(wheel.advance(4600.0), [])
        self.assertEqual(wheel.advance(4600.5), [alarm])

    def test_the_next_tick(self) -> None:
        wheel = Wheel(1000.05)
        self.assertAlmostEqual(wheel.next_due(), 1000.1)
        wheel.advance(1000.37)
        self.assertAlmostEqual(wheel.next_due(), 1000.4)

    def test_each_tick_is_the_tick_of_its_own_time(self) -> None:
        """However the division is rounded, and with the large numbers of a machine that runs for years."""
        for start in (0, 10_000, 10_000_000, 10_000_000_000):
            for tick in range(start, start + 3000):
                self.assertEqual(tick_of(tick * TICK), tick)

    def test_many(self) -> None:
        chances = random.Random(7)
        clock = Clock()
        alarms = [clock.alarm(1000.0 + chances.random() * 60) for _ in range(20_000)]
        found = clock.until(1061.0)
        self.assertEqual({id(alarm) for _, alarm in found}, {id(alarm) for alarm in alarms})
        self.assertEqual(len(found), len(alarms))
        for time, alarm in found:
            self.assertTrue(alarm.due - HAIR <= time <= alarm.due + TICK + HAIR)


Step = tuple[str, int, float]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arm"), st.integers(0, 4), st.floats(0.0, 70.0)),
        st.tuples(st.just("later"), st.integers(0, 4), st.floats(0.0, 70.0)),
        st.tuples(st.just("drop"), st.integers(0, 4), st.just(0.0)),
        st.tuples(st.just("turn"), st.just(0), st.floats(0.0, 20.0)),
        st.tuples(st.just("jump"), st.just(0), st.floats(0.0, 400.0)),
    ),
    max_size=40,
)


class WalkTests(SynchronousTestCase):
    """Whatever is done with it, each deadline comes once, not early, and within a tick of being seen."""

    @settings(deadline=None, max_examples=300)
    @given(start=st.floats(0.0, 1e7), steps=STEPS)
    def test_any_way(self, start: float, steps: list[Step]) -> None:
        clock = Clock(start)
        alarms = [Alarm() for _ in range(5)]
        for what, which, seconds in [*steps, ("turn", 0, 71.0)]:
            alarm = alarms[which]
            if what == "arm":
                alarm.due = clock.now + seconds
                clock.wheel.arm(alarm)
            elif what == "later" and alarm.due:
                alarm.due += seconds
            elif what == "drop":
                alarm.due = 0.0
            elif what == "turn":
                for time, found in clock.until(clock.now + seconds):
                    self._came(found, time)
                    self.assertLessEqual(time, found.due + TICK + HAIR)
                    found.due = 0.0
            elif what == "jump":
                clock.now += seconds
                for found in clock.wheel.advance(clock.now):
                    self._came(found, clock.now)
                    found.due = 0.0
            for each in alarms:
                late = clock.now - each.due if each.due else 0.0
                self.assertLess(late, TICK + HAIR, "a deadline was forgotten")
        overdue = [alarm for alarm in alarms if alarm.due and alarm.due + TICK + HAIR < clock.now]
        self.assertEqual(overdue, [])

    def _came(self, alarm: Timed, time: float) -> None:
        self.assertTrue(alarm.due, "it was dropped, or came before")
        self.assertGreaterEqual(time, alarm.due - HAIR)
