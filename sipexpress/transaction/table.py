"""A bounded table of transactions, in shards: one dict of a million entries stops for 50 ms to grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

SHARDS = 64


class Table(Generic[T]):
    """Entries by key. The limit is asked for by whoever adds (`full`), so that refusals can be answered."""

    __slots__ = ("_shards", "count", "limit")

    def __init__(self, limit: int) -> None:
        self._shards: list[dict[bytes, T]] = [{} for _ in range(SHARDS)]
        self.count = 0
        self.limit = limit

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[T]:
        for shard in self._shards:
            yield from list(shard.values())

    def full(self) -> bool:
        """Whether the table holds as many entries as it may."""
        return self.count >= self.limit

    def get(self, key: bytes) -> T | None:
        """The entry of that key."""
        return self._shards[hash(key) % SHARDS].get(key)

    def put(self, key: bytes, entry: T) -> None:
        """Add an entry; the key must be new."""
        shard = self._shards[hash(key) % SHARDS]
        if key in shard:
            raise KeyError(key)
        shard[key] = entry
        self.count += 1

    def swap(self, key: bytes, entry: T) -> None:
        """Put another entry in the place of the one with that key, which must be there."""
        shard = self._shards[hash(key) % SHARDS]
        if key not in shard:
            raise KeyError(key)
        shard[key] = entry

    def drop(self, key: bytes) -> None:
        """Take the entry of that key out, if it is there."""
        if self._shards[hash(key) % SHARDS].pop(key, None) is not None:
            self.count -= 1
