"""Counters: what was dropped, refused or limited, by name."""

from __future__ import annotations

from collections import Counter


class Counters(Counter[str]):
    """Counts by name; the names are fixed in the code, so the number of entries is bounded."""

    def note(self, name: str) -> None:
        """Count one."""
        self[name] += 1
