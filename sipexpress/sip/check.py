"""What every request must carry (RFC 3261 8.1.1, 16.3 step 1)."""

from __future__ import annotations

from sipexpress.errors import ParseError
from sipexpress.sip.message import Request

MAX_VIAS = 70

_ONCE = ("to", "from", "call-id", "cseq")


def defect(request: Request) -> str | None:
    """What is wrong with a request, in words for the 400; None when nothing is."""
    keys = request.keys
    for key in _ONCE:
        if keys.count(key) != 1:
            return f"{'no' if key not in keys else 'more than one'} {key} header"
    if "via" not in keys:
        return "no Via header"
    # Each comma may divide two of them; only where there are many it is worth looking.
    if keys.count("via") + request.raw.count(b",") > MAX_VIAS and len(request.header_list("via")) > MAX_VIAS:
        return "too many Via headers"
    hops = request.header("max-forwards")
    if hops is not None and not (hops.isdigit() and len(hops) <= 10):
        return "Max-Forwards is not a number"
    try:
        if request.cseq.method != request.method:
            return "the CSeq method is not the method"
        request.via  # noqa: B018 - parsed for its errors
        request.uri  # noqa: B018
    except ParseError as error:
        return printable_reason(str(error))
    return None


def printable_reason(text: str) -> str:
    """Text that may stand in a reason phrase: printable ASCII without parentheses, at most 80 characters."""
    return "".join(char if " " <= char <= "~" and char not in "()" else "?" for char in text[:80])
