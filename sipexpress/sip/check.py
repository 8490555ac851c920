"""What every request must carry (RFC 3261 8.1.1, 16.3 step 1)."""

from __future__ import annotations

from sipexpress.errors import ParseError
from sipexpress.sip.message import Request

MAX_VIAS = 70

_ONCE = ("to", "from", "call-id", "cseq")
_NEEDED = frozenset((*_ONCE, "via"))


def defect(request: Request) -> str | None:
    """What is wrong with a request, in words for the 400; None when nothing is."""
    keys = request.keys
    different = set(keys)
    if not different.issuperset(_NEEDED) or len(different) != len(keys):
        why = _counts(keys)
        if why is not None:
            return why
    try:
        request.max_forwards  # noqa: B018
        if request.cseq.method != request.method:
            return "the CSeq method is not the method"
        if (request.via.more or len(different) != len(keys)) and len(request.header_list("via")) > MAX_VIAS:
            return "too many Via headers"
        request.uri  # noqa: B018
    except ParseError as error:
        return printable_reason(str(error))
    return None


def _counts(keys: list[str]) -> str | None:
    for key in _ONCE:
        if keys.count(key) != 1:
            return f"{'no' if key not in keys else 'more than one'} {key} header"
    return "no Via header" if "via" not in keys else None


def printable_reason(text: str) -> str:
    """Text that may stand in a reason phrase: printable ASCII without parentheses, at most 80 characters."""
    return "".join(char if " " <= char <= "~" and char not in "()" else "?" for char in text[:80])
