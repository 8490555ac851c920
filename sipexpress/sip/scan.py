"""One pass over a message: start line, header keys, header spans (RFC 3261 section 7).

Only bytes, ints and str keys cross this seam, so that a compiled scanner can take its place.
"""

from __future__ import annotations

from itertools import accumulate

from sipexpress.errors import HeaderError, MessageError
from sipexpress.sip.headers import KNOWN, canonical

MAX_HEADER_BLOCK = 32768
MAX_HEADERS = 256

_known = KNOWN.get


def scan(data: bytes) -> tuple[int, bytes, bytes, list[str], list[int]]:
    """Return ``(status, first, second, keys, bounds)`` of the message in `data`.

    A request gives status 0, the method and the Request-URI; a response its
    status code, the version and the reason phrase. ``keys[i]`` is the key of
    header line i, which stands with its CRLF at ``data[bounds[i]:bounds[i + 1]]``;
    folded lines are one span. The body starts at ``bounds[-1] + 2``.

    Raises MessageError.
    """
    end = data.find(b"\r\n\r\n", 0, MAX_HEADER_BLOCK + 4) + 2
    if end == 1:
        raise MessageError(
            f"no empty line within the first {MAX_HEADER_BLOCK} bytes"
            if len(data) > MAX_HEADER_BLOCK
            else "no empty line after the header"
        )
    lines = data[:end].splitlines(True)
    count = len(lines)
    # A bare CR or LF is a line break for one parser and text for the next: refused (header smuggling).
    if data.count(b"\n", 0, end) != count or data.count(b"\r", 0, end) != count:
        raise MessageError("CR or LF alone in the header")
    bounds = list(accumulate(map(len, lines)))
    start = lines[0]
    del lines[0]
    keys = [_known(line.partition(b":")[0]) for line in lines]
    if None in keys:
        keys, bounds = _careful(lines, keys, bounds)
    if len(keys) > MAX_HEADERS:
        raise MessageError(f"more than {MAX_HEADERS} header fields")
    if start.startswith(b"SIP/2.0 "):
        return (*_status_line(start), keys, bounds)  # type: ignore[return-value]
    method, _, rest = start.partition(b" ")
    uri, _, version = rest[:-2].rpartition(b" ")
    if version != b"SIP/2.0":
        if start[:8].upper() == b"SIP/2.0 ":
            return (*_status_line(start), keys, bounds)  # type: ignore[return-value]
        if version.upper() != b"SIP/2.0":
            raise MessageError("the start line is neither a SIP/2.0 request nor a SIP/2.0 response")
    if not method or not uri or b" " in uri or b"\t" in uri:
        raise MessageError("the request line is not METHOD SP Request-URI SP SIP/2.0")
    return 0, method, uri, keys, bounds  # type: ignore[return-value]


def _status_line(start: bytes) -> tuple[int, bytes, bytes]:
    code = start[8:11]
    if not code.isdigit() or not 100 <= int(code) <= 699 or start[11:12] not in (b" ", b"\r"):
        raise MessageError("the status line has no status code between 100 and 699")
    return int(code), b"SIP/2.0", start[12:-2]


def _careful(lines: list[bytes], keys: list[str | None], bounds: list[int]) -> tuple[list[str | None], list[int]]:
    """The same for lines with rare names, folding (RFC 3261 7.3.1) or space before the colon."""
    out_keys: list[str | None] = []
    out_bounds = [bounds[0]]
    for number, line in enumerate(lines):
        key = keys[number]
        if key is None:
            if line[0] in b" \t":
                if not out_keys:
                    raise MessageError("the first header line starts with white space")
                out_bounds[-1] = bounds[number + 1]
                continue
            name, colon, _ = line.partition(b":")
            if not colon:
                raise MessageError(f"header line {number + 1} has no colon")
            try:
                key = canonical(name.rstrip(b" \t"))
            except HeaderError as error:
                raise MessageError(f"header line {number + 1}: {error}") from None
        out_keys.append(key)
        out_bounds.append(bounds[number + 1])
    return out_keys, out_bounds
