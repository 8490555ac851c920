"""Growth instead of time: what twice the input costs."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable
from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import ParseError

T = TypeVar("T")

LIMIT = 3.0
ROUNDS = 5
# One reading of the clock should cover this much work, so that its own cost does not count.
WORK = 0.005


def _cost(read: Callable[[T], object], text: T, times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        with contextlib.suppress(ParseError):
            read(text)
    return (time.process_time() - start) / times


class GrowthCase(SynchronousTestCase):
    """Asserts that twice the input costs at most three times as much, best of five."""

    def assertGrows(self, read: Callable[[T], object], make: Callable[[int], T], size: int) -> None:
        """`make` gives an input of about that many bytes; `size` is the larger one."""
        small, large = make(size // 2), make(size)
        # One run each tells most of the time; only what looks bad is worth more care.
        if _cost(read, large, 1) < LIMIT * _cost(read, small, 1):
            return
        times = 1 + int(WORK / max(_cost(read, small, 1), 1e-7))
        # The collector goes through all objects of the test run, the more often the more an input makes.
        gc.disable()
        try:
            costs = [(_cost(read, small, times), _cost(read, large, times)) for _ in range(ROUNDS)]
        finally:
            gc.enable()
        ratio = min(cost for _, cost in costs) / min(cost for cost, _ in costs)
        self.assertLess(ratio, LIMIT, f"{size} bytes of {large!r:.60} cost {ratio:.1f} times as much as half of it")
