"""The clock steps from due call to due call."""

from __future__ import annotations

from twisted.internet.task import LoopingCall
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.testing import VirtualClock


class ClockTests(SynchronousTestCase):
    """What calls see of the time."""

    def setUp(self) -> None:
        """A clock, and a list of what has happened."""
        self.clock = VirtualClock()
        self.seen: list[tuple[str, float]] = []

    def note(self, name: str) -> None:
        """Something happens now."""
        self.seen.append((name, round(self.clock.elapsed, 6)))

    def test_each_call_sees_the_time_it_was_due_at(self) -> None:
        for delay in (3, 1, 2):
            self.clock.callLater(delay, self.note, f"after {delay}")
        self.clock.advance(10)
        self.assertEqual(self.seen, [("after 1", 1), ("after 2", 2), ("after 3", 3)])
        self.assertEqual(self.clock.elapsed, 10)

    def test_a_call_made_by_a_call_runs_in_the_same_step(self) -> None:
        def again() -> None:
            self.note("tick")
            self.clock.callLater(1, again)

        self.clock.callLater(1, again)
        self.clock.advance(3.5)
        self.assertEqual(self.seen, [("tick", 1), ("tick", 2), ("tick", 3)])

    def test_a_call_due_at_the_end_of_the_step_runs(self) -> None:
        self.clock.callLater(1, self.note, "due")
        self.clock.advance(1)
        self.assertEqual(self.seen, [("due", 1)])

    def test_one_that_is_due_later_waits(self) -> None:
        self.clock.callLater(1, self.note, "due")
        self.clock.advance(0.9)
        self.assertEqual(self.seen, [])
        self.clock.advance(0.1)
        self.assertEqual(self.seen, [("due", 1)])

    def test_calls_at_the_same_time_keep_their_order(self) -> None:
        for name in "abc":
            self.clock.callLater(1, self.note, name)
        self.clock.advance(1)
        self.assertEqual([name for name, _ in self.seen], ["a", "b", "c"])

    def test_without_delay_they_run_with_the_next_step(self) -> None:
        self.clock.callLater(0, self.note, "soon")
        self.clock.callFromThread(self.note, "from a thread")
        self.assertEqual(self.seen, [])
        self.clock.advance(0)
        self.assertEqual(self.seen, [("soon", 0), ("from a thread", 0)])

    def test_a_canceled_call_does_not_run(self) -> None:
        call = self.clock.callLater(1, self.note, "canceled")
        self.clock.callLater(2, self.note, "other")
        call.cancel()
        self.clock.advance(3)
        self.assertEqual(self.seen, [("other", 2)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_call_that_cancels_the_next(self) -> None:
        self.clock.callLater(1, lambda: call.cancel())
        call = self.clock.callLater(1, self.note, "canceled")
        self.clock.advance(2)
        self.assertEqual(self.seen, [])

    def test_a_call_that_is_put_off(self) -> None:
        call = self.clock.callLater(1, self.note, "put off")
        self.clock.callLater(2, self.note, "other")
        call.reset(3)
        self.clock.advance(10)
        self.assertEqual(self.seen, [("other", 2), ("put off", 3)])

    def test_a_call_that_is_put_off_past_the_step(self) -> None:
        call = self.clock.callLater(1, self.note, "put off")
        self.clock.callLater(2, self.note, "other")
        call.delay(10)
        self.clock.advance(5)
        self.assertEqual(self.seen, [("other", 2)])
        self.clock.advance(6)
        self.assertEqual(self.seen[1:], [("put off", 11)])

    def test_a_call_that_is_brought_forward(self) -> None:
        call = self.clock.callLater(9, self.note, "brought forward")
        self.clock.callLater(2, self.note, "other")
        call.reset(1)
        self.clock.advance(5)
        self.assertEqual(self.seen, [("brought forward", 1), ("other", 2)])

    def test_a_call_is_no_longer_active_while_it_runs(self) -> None:
        states = list[bool]()
        call = self.clock.callLater(1, lambda: states.append(call.active()))
        states.append(call.active())
        self.clock.advance(1)
        self.assertEqual(states, [True, False])

    def test_a_looping_call(self) -> None:
        loop = LoopingCall(self.note, "loop")
        loop.clock = self.clock
        loop.start(2, now=False)
        self.clock.advance(7)
        self.assertEqual(self.seen, [("loop", 2), ("loop", 4), ("loop", 6)])
        loop.stop()

    def test_an_exception_shows_and_ends_the_step(self) -> None:
        self.clock.callLater(1, lambda: 1 // 0)
        self.clock.callLater(2, self.note, "other")
        self.assertRaises(ZeroDivisionError, self.clock.advance, 5)
        self.assertEqual(self.clock.elapsed, 1)
        self.clock.advance(1)
        self.assertEqual(self.seen, [("other", 2)])
