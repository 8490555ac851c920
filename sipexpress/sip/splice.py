"""Writing messages as splices of the received bytes (the other half of the seam in scan)."""

from __future__ import annotations

from sipexpress.sip.via import split_first

# Line number -> the (key, line without CRLF) pairs that stand in its place; -1 is before
# the first header line, the number of lines is after the last one.
Edits = dict[int, list[tuple[str, bytes]]]


def splice(raw: bytes, bounds: list[int], start: bytes, top: bytes, edits: Edits | None, body: bytes | None) -> bytes:
    """Return the message with another start line (with CRLF), `top` lines before the first
    header, edited header lines, and another body where `body` is not None.
    """
    if not edits and body is None:
        return b"".join((start, top, raw[bounds[0] :]))
    pieces = [start, top]
    at = bounds[0]
    if edits:
        last = len(bounds) - 1
        for number in sorted(edits):
            if number >= 0:
                pieces.append(raw[at : bounds[number]])
                at = bounds[number + 1] if number < last else bounds[number]
            for _, line in edits[number]:
                pieces.append(line)
                pieces.append(b"\r\n")
    if body is None:
        pieces.append(raw[at:])
    else:
        pieces.append(raw[at : bounds[-1]])
        pieces.append(b"\r\n")
        pieces.append(body)
    return b"".join(pieces)


def pop_via(raw: bytes, keys: list[str], bounds: list[int]) -> bytes | None:
    """Return an unedited response without its top Via value; None when no other Via is left."""
    number = keys.index("via")
    start, end = bounds[number], bounds[number + 1]
    line = raw[start:end]
    if b"," in line:
        name, _, value = line.partition(b":")
        rest = split_first(value.strip())[1].strip()
        if rest:
            return b"".join((raw[:start], name, b": ", rest, b"\r\n", raw[end:]))
    if "via" not in keys[number + 1 :]:
        return None
    return raw[:start] + raw[end:]
