"""Time: the clock of a server, and the one delayed call that turns its timer wheel."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sipexpress.transaction.machine import Machine
from sipexpress.transaction.wheel import Timed, Wheel


class Clockwork:
    """Drives the wheel; `expired` performs the effects of machines whose deadline passed."""

    def __init__(self, reactor: Any, expired: Callable[[Machine, int], None]) -> None:
        self._reactor = reactor
        self._expired = expired
        seconds = reactor.seconds
        # A wall clock steps, so a real reactor's is not used; a virtual clock is taken as it is.
        real = abs(seconds() - time.time()) < 3600
        self.now: Callable[[], float] = time.monotonic if real else seconds
        self.wheel = Wheel(self.now(), self._again)
        self.arm: Callable[[Timed], None] = self.wheel.arm
        """Note the deadline of something."""
        self._call: Any = None

    def wall(self) -> float:
        """Seconds since the epoch, for expiry times."""
        return float(self._reactor.seconds())

    def _again(self) -> None:
        """Wait for the next tick."""
        if self._call is None:
            self._call = self._reactor.callLater(max(0.0, self.wheel.next_due() - self.now()), self._tick)

    def _tick(self) -> None:
        self._call = None
        now = self.now()
        wheel = self.wheel
        expired = iter(wheel.advance(now))
        try:
            for timed in expired:
                if not wheel.passed(timed):  # an earlier one of this tick has moved or dropped it
                    if timed.due:
                        wheel.arm(timed)
                    continue
                effects = timed.timeout(now)
                if isinstance(timed, Machine):
                    self._expired(timed, effects)
                elif timed.due:
                    wheel.arm(timed)
        finally:
            for timed in expired:  # something raised: the others come with the next tick
                wheel.arm(timed)
            if wheel:
                self._again()

    def stop(self) -> None:
        """No more ticks."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
