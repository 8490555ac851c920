"""The timer wheel: one next deadline for each object, 100 ms ticks, never early."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Final

from sipexpress.transaction.timers import TICK

# The wheel looks this many ticks ahead at most (33 s, a little more than 64*T1), and at what is due later
# again then: so that what was dropped is not held for as long as a Timer C.
AHEAD: Final = 330


class Timed:
    """Something with one next deadline."""

    __slots__ = ("armed", "due")

    due: float
    """Absolute time of the deadline in seconds; 0.0 = none."""
    armed: int
    """The tick under which the wheel holds it; 0 = none."""

    def timeout(self, now: float) -> int:
        """The deadline has passed; returns effects and sets the next `due`."""
        raise NotImplementedError


def tick_of(due: float) -> int:
    """The first tick at or after `due`."""
    return ceil(due / TICK - 1e-6)


class Wheel:
    """Deadlines by tick. Moving one later, or dropping it, costs nothing until its old tick comes."""

    __slots__ = ("_slots", "_tick", "_wake")

    def __init__(self, now: float, wake: Callable[[], None] = lambda: None) -> None:
        self._slots: dict[int, list[Timed]] = {}
        self._tick = int(now / TICK)
        self._wake = wake
        """Called when there is something to wait for again."""

    def __bool__(self) -> bool:
        return bool(self._slots)

    def arm(self, timed: Timed) -> None:
        """Note the deadline in `timed.due`."""
        due = timed.due
        armed = timed.armed
        if 0 < armed * TICK <= due:
            return  # it is looked at before that
        tick = tick_of(due)
        if tick <= self._tick:
            tick = self._tick + 1
        elif tick > self._tick + AHEAD:
            tick = self._tick + AHEAD
        if armed and armed <= tick:
            return
        timed.armed = tick
        slots = self._slots
        if tick in slots:
            slots[tick].append(timed)
            return
        if not slots:
            self._wake()
        slots[tick] = [timed]

    def next_due(self) -> float:
        """When the next tick is (absolute time in seconds)."""
        return (self._tick + 1) * TICK

    def passed(self, timed: Timed) -> bool:
        """Whether its deadline lies before the tick that is on: what comes due with it may be moved or
        dropped by another that came due with the same tick.
        """
        return 0.0 < timed.due <= self._limit()

    def _limit(self) -> float:
        """Deadlines up to here belong to the tick that is on, or to earlier ones: see `tick_of`."""
        return (self._tick + 1e-6) * TICK

    def advance(self, now: float) -> list[Timed]:
        """Move on to `now` and return whatever has come due, in order of ticks."""
        until = int(now / TICK + 1e-6)
        if until <= self._tick:
            return []
        slots = self._slots
        if until - self._tick > len(slots):
            ticks = sorted(tick for tick in slots if tick <= until)
        else:
            ticks = [tick for tick in range(self._tick + 1, until + 1) if tick in slots]
        self._tick = until
        limit = self._limit()
        expired = []
        for tick in ticks:
            for timed in slots.pop(tick):
                if timed.armed != tick:
                    continue
                timed.armed = 0
                due = timed.due
                if due > limit:
                    self.arm(timed)
                elif due:
                    expired.append(timed)
        return expired
