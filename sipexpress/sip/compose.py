"""Messages that a proxy writes itself: replies, the ACK for a failure, CANCEL."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import CR, LF, NUL, to_raw
from sipexpress.sip.message import Request, Response, parse_message
from sipexpress.sip.via import split_first

_COPIED = frozenset(("via", "from", "to", "call-id", "cseq"))
_COPIED_WITH_ROUTE = _COPIED | {"record-route"}
_COPIED_WITH_TIME = _COPIED | {"timestamp"}

# What stands between semicolons that are in no quoted string.
_PIECE = re.compile(rb'(?:[^";]|"(?:[^"\\]|\\.)*"?)+', re.DOTALL)


def compose_reply(
    request: Request,
    code: int,
    reason: str,
    to_tag: bytes | None,
    extra: Sequence[bytes] = (),
    body: bytes = b"",
) -> bytes:
    """Return a reply to `request` (RFC 3261 8.2.6).

    `to_tag` is added to To where that has none; `extra` are header lines without CRLF.
    Record-Route is copied for 180 to 299 (12.1.1; for REGISTER it has no meaning: 10.3), Timestamp for 100 (8.2.6.1).
    Raises HeaderError when the reason holds CR, LF or NUL: it would make header lines.
    """
    phrase = to_raw(reason)
    if CR in phrase or LF in phrase or NUL in phrase:
        raise HeaderError(f"the reason phrase holds CR, LF or NUL: {phrase!r}")
    copied = _COPIED
    if 180 <= code < 300 and request.method != "REGISTER":
        copied = _COPIED_WITH_ROUTE
    elif code == 100:
        copied = _COPIED_WITH_TIME
    lines = [b"SIP/2.0 %d %b" % (code, phrase)]
    if to_tag is None or code == 100 or request.to_tag is not None or not request.has_header("to"):
        lines += request.lines_in(copied)
    else:
        tagged = request.copy()
        tagged.replace_first("to", request.lines("to")[0] + b";tag=" + to_tag)
        lines += tagged.lines_in(copied)
    lines += extra
    lines.append(b"Content-Length: %d\r\n\r\n" % len(body))
    return b"\r\n".join(lines) + body


def compose_ack(sent: bytes, response: Response) -> bytes:
    """Return the ACK for a final response >= 300 to the INVITE `sent` (RFC 3261 17.1.1.3)."""
    return _companion(sent, b"ACK", response.lines("to"))


def compose_cancel(sent: bytes, extra: Sequence[bytes] = ()) -> bytes:
    """Return the CANCEL for the INVITE `sent` (RFC 3261 9.1); `extra` may carry Reason (RFC 3326)."""
    return _companion(sent, b"CANCEL", None, extra)


def _companion(sent: bytes, method: bytes, to: list[bytes] | None, extra: Sequence[bytes] = ()) -> bytes:
    invite = parse_message(sent, own=True)
    assert isinstance(invite, Request)
    lines = [b"%b %b SIP/2.0" % (method, invite.raw_uri), invite.lines("via")[0]]
    lines += invite.lines("route")
    lines.append(b"Max-Forwards: 70")
    lines += invite.lines("from")
    lines += to or invite.lines("to")
    lines += invite.lines("call-id")
    lines.append(b"CSeq: %d %b" % (invite.cseq.number, method))
    lines += extra
    lines.append(b"Content-Length: 0\r\n\r\n")
    return b"\r\n".join(lines)


def received_via(request: Request, host: str, port: int | None) -> bytes:
    """Return the top Via line with received and (where `port` is given) rport set to what was
    seen, whatever the sender wrote there (RFC 3261 18.2.1, RFC 3581).
    """
    first, rest = split_first(request.header_values("via")[0])
    pieces = first.split(b";") if b'"' not in first else _PIECE.findall(first)
    parts = [part for part in pieces if part.partition(b"=")[0].strip().lower() not in (b"received", b"rport")]
    parts.append(b"received=" + host.encode())
    if port is not None:
        parts.append(b"rport=%d" % port)
    line = b"Via: " + b";".join(parts)
    rest = rest.strip()
    return line + b", " + rest if rest else line
