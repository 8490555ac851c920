"""The header fields of one message: the received lines, and edits that are visible at once."""

from __future__ import annotations

from collections.abc import Collection

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import CR, LF, NUL, canonical, split_list, to_raw, value_of

FROM_TAG, TO_TAG = "tag of from", "tag of to"
"""Where the tags are kept."""
_KEPT_TOO = {"from": FROM_TAG, "to": TO_TAG}


class Fields:
    """Header lines without CRLF beside their keys (long names in lower case), in order."""

    __slots__ = ("_body", "_edited", "_kept", "_lines", "keys", "raw")

    raw: bytes
    """The message as it was received."""
    keys: list[str]
    _lines: list[bytes]
    _body: bytes
    _edited: bool
    """Whether a header or the body differs from what was received."""
    _kept: dict[str, object]
    """What was parsed, by key; an edit of that key drops it."""

    # reading

    def header(self, key: str) -> bytes | None:
        """The first field value of the header `key` (a lower-case long name), or None."""
        line = self.line(key)
        return None if line is None else value_of(line)

    def line(self, key: str) -> bytes | None:
        """The first header line `key`, without CRLF, or None."""
        try:
            return self._lines[self.keys.index(key)]
        except ValueError:
            return None

    def lines(self, key: str) -> list[bytes]:
        """Every header line `key`, without CRLF."""
        keys = self.keys
        count = keys.count(key)
        if count == 1:
            return [self._lines[keys.index(key)]]
        return [line for other, line in zip(keys, self._lines, strict=True) if other == key] if count else []

    def lines_in(self, keys: Collection[str]) -> list[bytes]:
        """Every header line whose key is in `keys`, without CRLF, in order."""
        return [line for key, line in zip(self.keys, self._lines, strict=True) if key in keys]

    def header_lines(self) -> list[tuple[str, bytes]]:
        """All header lines as they would be sent now: (key, line without CRLF)."""
        return list(zip(self.keys, self._lines, strict=True))

    def header_values(self, key: str) -> list[bytes]:
        """Every field value of the header `key`, in order; comma lists are not split."""
        return [value_of(line) for line in self.lines(key)]

    def header_list(self, key: str) -> list[bytes]:
        """The elements of the comma list `key`, over all its lines (RFC 3261 7.3.1)."""
        return [item for line in self.lines(key) for item in split_list(value_of(line))]

    def has_header(self, key: str) -> bool:
        """Whether a header `key` is there."""
        return key in self.keys

    @property
    def body(self) -> bytes:
        """The body; assigning another one also corrects Content-Length."""
        return self._body

    @body.setter
    def body(self, body: bytes) -> None:
        self._body = body
        self.set("Content-Length", b"%d" % len(body))

    # editing

    def _forget(self, key: str) -> None:
        """The header `key` changes: drop what was parsed of it."""
        self._edited = True
        kept = self._kept
        if key in kept:
            del kept[key]
        if key in _KEPT_TOO:
            kept.pop(_KEPT_TOO[key], None)

    def add(self, name: str, value: str | bytes, *, top: bool = False) -> None:
        """Add a header field after the last one (before the first one with `top`).

        Raises HeaderError when the name is no token or the value holds CR, LF or NUL.
        """
        key, line = header_line(name, value)
        self.insert(0 if top else len(self.keys), key, line)

    def insert(self, at: int, key: str, line: bytes) -> None:
        """Put a ready line before the line number `at`."""
        self._forget(key)
        self.keys.insert(at, key)
        self._lines.insert(at, line)

    def set(self, name: str, value: str | bytes) -> None:
        """Replace the first field of that name, remove the others; add it when there is none."""
        key, line = header_line(name, value)
        self.replace_lines(key, [line])

    def remove(self, name: str) -> int:
        """Remove every field of that name; returns how many there were."""
        return self.remove_lines(canonical(name))

    def remove_lines(self, key: str) -> int:
        """Remove every field `key`; returns how many there were."""
        keys = self.keys
        count = keys.count(key)
        if count:
            self._forget(key)
        for _ in range(count):
            number = keys.index(key)
            del keys[number], self._lines[number]
        return count

    def replace_first(self, key: str, line: bytes) -> None:
        """Put `line` in the place of the first field of that key, which must be there."""
        self._forget(key)
        self._lines[self.keys.index(key)] = line

    def replace_lines(self, key: str, lines: list[bytes]) -> None:
        """Put all `lines` where the first field of that key stands, and remove the other ones."""
        keys = self.keys
        at = keys.index(key) if key in keys else len(keys)
        self.remove_lines(key)
        self._forget(key)
        keys[at:at] = [key] * len(lines)
        self._lines[at:at] = lines


def header_line(name: str, value: str | bytes) -> tuple[str, bytes]:
    """Check a header field and give (key, line without CRLF). Raises HeaderError.

    CR, LF and NUL in a value would make new header lines of it: refused.
    """
    key = canonical(name)
    raw = to_raw(value)
    if CR in raw or LF in raw or NUL in raw:
        raise HeaderError(f"the value of {name} holds CR, LF or NUL: {raw!r}")
    return key, b"%b: %b" % (name.encode("ascii"), raw)
