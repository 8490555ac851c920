"""CSeq (RFC 3261 20.16)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import is_token, value_of

LIMIT = 2**31
MAX_KEPT = 128


class CSeq(NamedTuple):
    """A sequence number and a method."""

    number: int
    method: str

    @classmethod
    def parse(cls, value: bytes) -> CSeq:
        """Read a field value. Raises HeaderError; numbers of 2**31 and more are refused (8.1.1.5)."""
        digits, _, method = value.replace(b"\t", b" ").partition(b" ")
        method = method.strip(b" \t")
        if not digits.isdigit() or len(digits) > 10 or not is_token(method):
            raise HeaderError(f"CSeq {value[:60]!r}: expected a number and a method")
        number = int(digits)
        if number >= LIMIT:
            raise HeaderError(f"CSeq {number}: expected less than 2**31")
        return cls(number, method.decode("ascii"))


def cseq_of(line: bytes) -> CSeq:
    """Read a header line. Raises HeaderError."""
    # What is long is read without being kept: strangers choose it.
    return _kept(line) if len(line) <= MAX_KEPT else CSeq.parse(value_of(line))


@lru_cache(1024)
def _kept(line: bytes) -> CSeq:
    return CSeq.parse(value_of(line))  # many calls have the same one
