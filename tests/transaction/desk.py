"""A machine on a timer wheel, and a note of all that it wanted done."""

from __future__ import annotations

from typing import Any

from sipexpress.transaction.effects import END
from sipexpress.transaction.wheel import Wheel
from tests.transaction.figure import START, words


class Desk:
    """Plays the ticks for one machine. `late` is how long after each tick the reactor calls, in seconds.

    `log` holds (seconds since the start, effects by name) of whatever had an effect.
    """

    def __init__(self, machine: Any, start: float = START, late: float = 0.0) -> None:
        self.machine = machine
        self.start_time = self.now = start
        self.late = late
        self.log: list[tuple[float, str]] = []
        self.wheel = Wheel(start)

    @property
    def elapsed(self) -> float:
        """Seconds since the start, without rounding errors."""
        return round(self.now - self.start_time, 6)

    def start(self) -> None:
        """Start a client machine."""
        self.note(self.machine.start(self.now))

    def note(self, effects: int) -> int:
        """Do as the server does with effects: keep the deadline, or forget a machine that ended."""
        if effects:
            self.log.append((self.elapsed, words(effects)))
        if not effects & END and self.machine.due:
            self.wheel.arm(self.machine)
        return effects

    def wait(self, seconds: float) -> None:
        """Let time pass, tick by tick."""
        until = self.now + seconds
        while self.wheel and self.wheel.next_due() + self.late <= until + 1e-6:
            self.now = max(self.now, self.wheel.next_due() + self.late)
            self._tick()
        self.now = until

    def jump(self, seconds: float) -> None:
        """Let time pass all at once, as when the process was stopped."""
        self.now += seconds
        self._tick()

    def _tick(self) -> None:
        for timed in self.wheel.advance(self.now):
            self.note(timed.timeout(self.now))

    def times(self, word: str) -> list[float]:
        """When an effect was wanted."""
        return [time for time, effects in self.log if word in effects.split()]
