"""The garbage collector of a server that makes no cycles: kept out of the way under load."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

SECONDS = 10.0
YOUNG = 50_000
MIDDLE = 20
FORCED = 100
"""Collections of the middle generation after which a full one is made even under load."""


def tune_gc() -> None:
    """Freeze what exists, and make full collections rare: one over 460k transactions stops everything for 190 ms.

    For programs whose only work is this server; ``twistd sipexpress`` does it. Call it once
    the server has started.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, 1_000_000)


class Collector:
    """Makes the full collections: when the server is idle, else when much has survived since the last one."""

    def __init__(self, reactor: Any, idle: Callable[[], bool]) -> None:
        self._reactor = reactor
        self._idle = idle
        self._call: Any = None
        self.forced = 0
        """Full collections made under load."""

    def start(self) -> None:
        """Look every 10 seconds."""
        self._call = self._reactor.callLater(SECONDS, self._look)

    def stop(self) -> None:
        """No more."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _look(self) -> None:
        grown = gc.get_count()[2]
        if grown and self._idle():
            gc.collect()
        elif grown >= FORCED:
            self.forced += 1
            gc.collect()
        self._call = self._reactor.callLater(SECONDS, self._look)
