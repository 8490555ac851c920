"""One pass over a message: start line, header keys and header lines (RFC 3261 section 7).

Only bytes, ints and str keys cross this seam, so that a compiled scanner can take its place.
"""

from __future__ import annotations

from sipexpress.errors import HeaderError, MessageError
from sipexpress.sip.headers import CR, KNOWN, LF, TAB, canonical

MAX_HEADER_BLOCK = 32768
MAX_HEADERS = 256

_CODES = {b"%d" % code: code for code in range(100, 700)}
# With its colon, so that a line without one is found to be none; nearly everybody writes a space behind it.
_known = {name + b":": key for name, key in KNOWN.items()}.get


def scan(
    data: bytes, max_block: int = MAX_HEADER_BLOCK, max_headers: int = MAX_HEADERS
) -> tuple[int, bytes, bytes, list[str], list[bytes], int]:
    """Return ``(status, first, uri, keys, lines, body)`` of the message in `data`.

    A request gives status 0, the method and the Request-URI; a response its status code, the
    status line and nothing. ``keys[i]`` is the key of the header line ``lines[i]``, which
    is as received, without its CRLF; folded lines are one. The body starts at ``data[body]``.

    Raises MessageError.
    """
    end = data.find(b"\r\n\r\n", 0, max_block + 4)
    if end < 0:
        raise MessageError(
            f"no empty line within the first {max_block} bytes"
            if len(data) > max_block
            else "no empty line after the header"
        )
    lines = data[:end].split(b"\r\n")
    # A bare CR or LF is a line break for one parser and text for the next: refused (header smuggling).
    text = b"".join(lines)
    if CR in text or LF in text:
        raise MessageError("CR or LF alone in the header")
    start = lines[0]
    del lines[0]
    keys = [_known(line.partition(b" ")[0]) for line in lines]
    if None in keys:
        keys, lines = _careful(lines, keys)
    if len(keys) > max_headers:
        raise MessageError(f"more than {max_headers} header fields")
    if start[:8].upper() == b"SIP/2.0 ":
        code = _CODES.get(start[8:11])
        if code is None or start[11:12] not in (b" ", b""):
            raise MessageError("the status line has no status code between 100 and 699")
        return code, b"SIP/2.0 " + start[8:], b"", keys, lines, end + 4  # type: ignore[return-value]
    try:
        method, uri, version = start.split(b" ")
    except ValueError:
        method = uri = version = b""
    if version.upper() != b"SIP/2.0":
        raise MessageError("the start line is neither METHOD SP Request-URI SP SIP/2.0 nor SIP/2.0 SP code")
    if not method or not uri or TAB in uri:
        raise MessageError("the request line is not METHOD SP Request-URI SP SIP/2.0")
    return 0, method, uri, keys, lines, end + 4  # type: ignore[return-value]


def _careful(lines: list[bytes], keys: list[str | None]) -> tuple[list[str | None], list[bytes]]:
    """The same for lines with rare names, folding (RFC 3261 7.3.1) or space before the colon."""
    out_keys: list[str | None] = []
    out_lines: list[bytes] = []
    folded: list[bytes] = []
    for number, line in enumerate(lines):
        key = keys[number]
        if key is None:
            if line[:1] in (b" ", b"\t"):
                if not out_keys:
                    raise MessageError("the first header line starts with white space")
                folded.append(line)
                continue
            name, colon, _ = line.partition(b":")
            if not colon:
                raise MessageError(f"header line {number + 1} has no colon")
            try:
                key = canonical(name.rstrip(b" \t"))
            except HeaderError as error:
                raise MessageError(f"header line {number + 1}: {error}") from None
        if folded:
            out_lines[-1] = b"\r\n".join((out_lines[-1], *folded))
            folded = []
        out_keys.append(key)
        out_lines.append(line)
    if folded:
        out_lines[-1] = b"\r\n".join((out_lines[-1], *folded))
    return out_keys, out_lines
