"""The header fields of one message: an index of what was received, and visible edits beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import canonical, split_list, unfold
from sipexpress.sip.splice import Edits

TAG_MEMO = {"from": "tag of from", "to": "tag of to"}
"""Where the tag of a header is kept."""


class Fields:
    """`raw` never changes; edits lie beside it, by slot.

    Slot n stands for header line n, -1 for the place before the first and ``len(keys)`` for
    the one after the last. A slot in between only ever holds lines of the key that it had.
    """

    __slots__ = ("_body", "_edits", "_kept", "bounds", "keys", "raw")

    raw: bytes
    keys: list[str]
    bounds: list[int]
    _edits: Edits | None
    _body: bytes | None
    _kept: dict[str, object]
    """What was parsed, by key; an edit of that key drops it."""

    # reading

    def header(self, key: str) -> bytes | None:
        """The first field value of the header `key` (a lower-case long name), or None."""
        edits = self._edits
        keys = self.keys
        if edits is None:
            if key not in keys:
                return None
            number = keys.index(key)
        else:
            number, line = self._first(key, edits)
            if number < 0:
                return None if line is None else _value(line)
        bounds = self.bounds
        value = self.raw[bounds[number] : bounds[number + 1] - 2].partition(b":")[2].strip(b" \t")
        return unfold(value) if b"\r\n" in value else value

    def _first(self, key: str, edits: Edits) -> tuple[int, bytes | None]:
        """The number of the first line of that key where it is a received one; else -1 and the edited line, if any."""
        for other, line in edits.get(-1, ()):
            if other == key:
                return -1, line
        keys = self.keys
        if key in keys:
            number = -1
            for _ in range(keys.count(key)):
                number = keys.index(key, number + 1)
                lines = edits.get(number)
                if lines is None:
                    return number, None
                if lines:
                    return -1, lines[0][1]
        for other, line in edits.get(len(keys), ()):
            if other == key:
                return -1, line
        return -1, None

    def lines(self, key: str) -> list[bytes]:
        """Every header line `key`, without CRLF."""
        edits = self._edits
        keys, raw, bounds = self.keys, self.raw, self.bounds
        if edits is None:
            if key not in keys:
                return []
            return [raw[bounds[n] : bounds[n + 1] - 2] for n, other in enumerate(keys) if other == key]
        found = [line for other, line in edits[-1] if other == key] if -1 in edits else []
        if key in keys:
            for number, other in enumerate(keys):
                if other == key:
                    if number in edits:
                        found += [line for _, line in edits[number]]
                    else:
                        found.append(raw[bounds[number] : bounds[number + 1] - 2])
        last = len(keys)
        if last in edits:
            found += [line for other, line in edits[last] if other == key]
        return found

    def lines_in(self, keys: Collection[str]) -> list[tuple[str, bytes]]:
        """(key, line without CRLF) of every header line whose key is in `keys`."""
        if self._edits is None:
            raw, bounds = self.raw, self.bounds
            return [(key, raw[bounds[n] : bounds[n + 1] - 2]) for n, key in enumerate(self.keys) if key in keys]
        return [(key, line) for _, key, line in self._walk() if key in keys]

    def header_lines(self) -> list[tuple[str, bytes]]:
        """All header lines as they would be sent now: (key, line without CRLF)."""
        return [(key, line) for _, key, line in self._walk()]

    def header_values(self, key: str) -> list[bytes]:
        """Every field value of the header `key`, in order; comma lists are not split."""
        return [_value(line) for line in self.lines(key)]

    def header_list(self, key: str) -> list[bytes]:
        """The elements of the comma list `key`, over all its lines (RFC 3261 7.3.1)."""
        return [item for line in self.lines(key) for item in split_list(_value(line))]

    def has_header(self, key: str) -> bool:
        """Whether a header `key` is there."""
        if self._edits is None:
            return key in self.keys
        return self.header(key) is not None

    def _walk(self) -> Iterator[tuple[int, str, bytes]]:
        """All lines with the number of the slot they stand in."""
        edits = self._edits or {}
        raw, bounds = self.raw, self.bounds
        for key, line in edits.get(-1, ()):
            yield -1, key, line
        for number, key in enumerate(self.keys):
            if number in edits:
                for _, line in edits[number]:
                    yield number, key, line
            else:
                yield number, key, raw[bounds[number] : bounds[number + 1] - 2]
        last = len(self.keys)
        for key, line in edits.get(last, ()):
            yield last, key, line

    @property
    def body(self) -> bytes:
        """The body; assigning another one also corrects Content-Length."""
        return self.raw[self.bounds[-1] + 2 :] if self._body is None else self._body

    @body.setter
    def body(self, body: bytes) -> None:
        self._body = body
        self.set("Content-Length", b"%d" % len(body))

    # editing

    def _forget(self, key: str) -> None:
        """Drop what was parsed of the header `key`."""
        kept = self._kept
        if key in kept:
            del kept[key]
        if key in TAG_MEMO:
            kept.pop(TAG_MEMO[key], None)

    def add(self, name: str, value: str | bytes, *, top: bool = False) -> None:
        """Add a header field after the last one (before the first one with `top`).

        Raises HeaderError when the name is no token or the value holds CR, LF or NUL.
        """
        key, line = header_line(name, value)
        self.insert(-1 if top else len(self.keys), key, line)

    def insert(self, slot: int, key: str, line: bytes) -> None:
        """Put a ready line at the front (slot -1) or the end (slot ``len(keys)``)."""
        edits = self._edits
        if edits is None:
            edits = self._edits = {}
        lines = edits.get(slot)
        # Copies of this message share the lists: they are replaced, never changed.
        if lines is None:
            edits[slot] = [(key, line)]
        else:
            edits[slot] = [(key, line), *lines] if slot == -1 else [*lines, (key, line)]
        self._forget(key)

    def set(self, name: str, value: str | bytes) -> None:
        """Replace the first field of that name, remove the others; add it when there is none."""
        key, line = header_line(name, value)
        self.replace_lines(key, [line])

    def remove(self, name: str) -> int:
        """Remove every field of that name; returns how many there were."""
        key = canonical(name)
        count = len(self.lines(key))
        if count:
            self.replace_lines(key, [])
        return count

    def replace_first(self, key: str, line: bytes) -> None:
        """Put `line` in the place of the first field of that key, which must be there."""
        self._forget(key)
        edits = self._edits
        if edits is None:
            self._edits = {self.keys.index(key): [(key, line)]}
            return
        if -1 not in edits and key in self.keys:
            number = self.keys.index(key)
            if number not in edits:
                edits[number] = [(key, line)]
                return
        for slot, other, old in self._walk():
            if other == key:
                self._swap(slot, key, old, [line])
                return
        raise KeyError(key)

    def replace_lines(self, key: str, lines: list[bytes]) -> None:
        """Put all `lines` where the first field of that key stands, and remove the other ones."""
        edits, keys = self._edits, self.keys
        if edits is None:
            edits = self._edits = {}
        if keys.count(key) == 1 and -1 not in edits and len(keys) not in edits:
            number = keys.index(key)
            if number not in edits:
                edits[number] = [(key, line) for line in lines]
                self._forget(key)
                return
        old_lines = [(slot, line) for slot, other, line in self._walk() if other == key]
        for slot, old in old_lines:
            self._swap(slot, key, old, lines)
            lines = []
        for line in lines:
            self.insert(len(self.keys), key, line)
        self._forget(key)

    def _swap(self, slot: int, key: str, old: bytes, lines: list[bytes]) -> None:
        edits = self._edits
        assert edits is not None
        new = [(key, line) for line in lines]
        present = edits.get(slot)
        if present is None:
            edits[slot] = new
        else:
            at = present.index((key, old))
            edits[slot] = [*present[:at], *new, *present[at + 1 :]]


def header_line(name: str, value: str | bytes) -> tuple[str, bytes]:
    """Check a header field and give (key, line without CRLF). Raises HeaderError.

    CR, LF and NUL in a value would make new header lines of it: refused.
    """
    key = canonical(name)
    raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    if b"\r" in raw or b"\n" in raw or b"\0" in raw:
        raise HeaderError(f"the value of {name} holds CR, LF or NUL: {raw!r}")
    return key, b"%b: %b" % (name.encode("ascii"), raw)


def _value(line: bytes) -> bytes:
    value = line.partition(b":")[2].strip(b" \t")
    return unfold(value) if b"\r\n" in value else value
