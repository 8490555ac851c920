"""CSeq (RFC 3261 20.16)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import is_token

LIMIT = 2**31


class CSeq(NamedTuple):
    """A sequence number and a method."""

    number: int
    method: str

    @classmethod
    def parse(cls, value: bytes) -> CSeq:
        """Read a field value. Raises HeaderError; numbers of 2**31 and more are refused (8.1.1.5)."""
        return _parse(value)


@lru_cache(1024)
def _parse(value: bytes) -> CSeq:
    digits, _, method = value.partition(b" ")
    if not method:
        digits, _, method = value.replace(b"\t", b" ").partition(b" ")
    method = method.strip(b" \t")
    if not digits.isdigit() or len(digits) > 10 or not is_token(method):
        raise HeaderError(f"CSeq {value[:60]!r}: expected a number and a method")
    number = int(digits)
    if number >= LIMIT:
        raise HeaderError(f"CSeq {number}: expected less than 2**31")
    return CSeq(number, method.decode("ascii"))
