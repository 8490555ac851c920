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
MOST = 40
# One reading of the clock should cover this much work, so that its own cost does not count.
WORK = 0.005


def _cost(read: Callable[[T], object], text: T, times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        with contextlib.suppress(ParseError):
            read(text)
    return (time.process_time() - start) / times


class GrowthCase(SynchronousTestCase):
    """Asserts that twice the input costs at most three times as much, best of five or more."""

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
            ratio = _ratio(read, small, large, times)
        finally:
            gc.enable()
        self.assertLess(ratio, LIMIT, f"{size} bytes of {large!r:.60} cost {ratio:.1f} times as much as half of it")


def _ratio(read: Callable[[T], object], small: T, large: T, times: int) -> float:
    """Best of five, and of more where the machine was busy: what is quadratic costs four times as much every time."""
    least_small = least_large = float("inf")
    for number in range(1, MOST + 1):
        least_small = min(least_small, _cost(read, small, times))
        least_large = min(least_large, _cost(read, large, times))
        if number % ROUNDS == 0 and least_large < LIMIT * least_small:
            break
    return least_large / least_small
