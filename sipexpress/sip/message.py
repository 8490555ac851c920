"""Requests and responses: received bytes, an index of the header lines, and visible edits.

A header is parsed when it is asked for and kept; an edit is visible at once and costs
one splice when the message is sent.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from sipexpress.errors import HeaderError, MessageError
from sipexpress.sip.cseq import CSeq, cseq_of
from sipexpress.sip.fields import FROM_TAG, TO_TAG, Fields, header_line
from sipexpress.sip.headers import COMMA, CR, DISPLAY, is_token, to_raw, value_of
from sipexpress.sip.nameaddr import NameAddr, parse_list, tag_of
from sipexpress.sip.scan import scan
from sipexpress.sip.uri import AnyUri, parse_uri
from sipexpress.sip.via import Via, split_first

MAX_BODY = 65536

_CONTROL = re.compile(rb"[\x00-\x20\x7f]")
_METHOD_NAMES = "INVITE ACK BYE CANCEL REGISTER OPTIONS INFO PRACK UPDATE MESSAGE SUBSCRIBE NOTIFY PUBLISH REFER"
_METHODS = {name.encode(): name for name in _METHOD_NAMES.split()}
# As nearly everybody writes them.
_LENGTHS = {b"Content-Length: %d" % length: length for length in range(2048)}
_HOPS = {b"Max-Forwards: %d" % hops: hops for hops in range(256)}


class RecordRoute(Protocol):
    """A Record-Route entry of ours that has to know which socket the request leaves by."""

    def leave_by(self, request: Request, socket: Any) -> None:
        """Add the second entry for a request that leaves by another socket (RFC 5658)."""


class Message(Fields):
    """What requests and responses share: typed headers, parsed when asked for and kept."""

    __slots__ = ()

    def _copy_into(self, other: Message) -> None:
        other.raw = self.raw
        other.keys = self.keys.copy()
        other._lines = self._lines.copy()
        other._edited = self._edited
        other._body = self._body
        other._kept = self._kept.copy()

    @property
    def from_(self) -> NameAddr:
        """The From header (RFC 3261 20.20). Raises HeaderError."""
        return self._name_addr("from")

    @property
    def to(self) -> NameAddr:
        """The To header (RFC 3261 20.39). Raises HeaderError."""
        return self._name_addr("to")

    def _name_addr(self, key: str) -> NameAddr:
        kept = self._kept.get(key)
        if kept is None:
            value = self.header(key)
            if value is None:
                raise HeaderError(f"the message has no {DISPLAY[key]} header")
            kept = self._kept[key] = NameAddr.parse(value)
        assert isinstance(kept, NameAddr)
        return kept

    @property
    def from_tag(self) -> bytes | None:
        """The tag of From, as written."""
        kept = self._kept
        return kept[FROM_TAG] if FROM_TAG in kept else self._tag("from", FROM_TAG)  # type: ignore[return-value]

    @property
    def to_tag(self) -> bytes | None:
        """The tag of To, as written; None outside a dialog."""
        kept = self._kept
        return kept[TO_TAG] if TO_TAG in kept else self._tag("to", TO_TAG)  # type: ignore[return-value]

    def _tag(self, key: str, memo: str) -> bytes | None:
        line = self.line(key)
        tag = self._kept[memo] = None if line is None else tag_of(line)
        return tag

    @property
    def call_id(self) -> bytes:
        """The Call-ID value; empty when there is none."""
        kept = self._kept.get("call-id")
        if kept is None:
            kept = self._kept["call-id"] = self.header("call-id") or b""
        return kept  # type: ignore[return-value]

    @property
    def cseq(self) -> CSeq:
        """The CSeq header (RFC 3261 20.16). Raises HeaderError."""
        kept = self._kept.get("cseq")
        if kept is None:
            line = self.line("cseq")
            if line is None:
                raise HeaderError("the message has no CSeq header")
            kept = self._kept["cseq"] = cseq_of(line)
        return kept  # type: ignore[return-value]

    @property
    def via(self) -> Via:
        """The top Via (RFC 3261 20.42). Raises HeaderError."""
        kept = self._kept.get("via")
        if kept is None:
            line = self.line("via")
            if line is None:
                raise HeaderError("the message has no Via header")
            kept = self._kept["via"] = Via.of_line(line)
        return kept  # type: ignore[return-value]

    @property
    def contact_star(self) -> bool:
        """Whether some Contact is a lone ``*`` (RFC 3261 10.2.2)."""
        return b"*" in self.header_list("contact")

    @property
    def contacts(self) -> list[NameAddr]:
        """The Contact headers in order, without ``*``. Raises HeaderError."""
        kept = self._kept.get("contact")
        if kept is None:
            kept = parse_list(value for value in self.header_values("contact") if value != b"*")
            self._kept["contact"] = kept
        assert isinstance(kept, list)
        return kept.copy()

    def _cut_body(self, at: int) -> None:
        """The body, which begins at ``raw[at]``: cut to Content-Length (RFC 3261 18.3). Raises MessageError."""
        held = len(self.raw) - at
        if "content-length" in self.keys:
            if len(set(self.header_values("content-length"))) > 1:
                raise MessageError("two different Content-Length")
            text = self.header("content-length") or b""
            if not text.isdigit() or len(text) > 10:
                raise MessageError("Content-Length is not one decimal number")
            length = int(text)
            if length > held:
                raise MessageError(f"Content-Length says {length} bytes, the body has {held}")
            if length < held:
                self.raw = self.raw[: at + length]
                held = length
        if held > MAX_BODY:
            raise MessageError(f"a body of {held} bytes is above the limit of {MAX_BODY}")
        self._body = self.raw[at:]


class Request(Message):
    """A request. `raw_uri` is the current Request-URI, rewritten or not."""

    __slots__ = ("dst_uri", "flow", "method", "original_uri", "raw_uri", "record", "send_socket")

    method: str
    raw_uri: bytes
    original_uri: bytes
    dst_uri: bytes | None
    """The next hop where it is not the Request-URI (SER's dst_uri)."""
    flow: object | None
    """The very connection or socket pair to send on, when a binding names one."""
    send_socket: object | None
    """The socket chosen by force_send_socket."""
    record: RecordRoute | None
    """What record_route() has written, to be completed when the outgoing socket is known."""

    def copy(self) -> Request:
        """A request of its own that shares the received bytes (for a branch)."""
        other = Request.__new__(Request)
        self._copy_into(other)
        other.method = self.method
        other.raw_uri = self.raw_uri
        other.original_uri = self.original_uri
        other.dst_uri = self.dst_uri
        other.flow = self.flow
        other.send_socket = self.send_socket
        other.record = self.record
        return other

    @property
    def uri(self) -> AnyUri:
        """The current Request-URI, parsed. Raises UriError."""
        kept = self._kept.get("request-uri")
        raw = self.raw_uri
        # Kept with the text it was read from, so that whoever assigns raw_uri need not know.
        if kept is not None and kept[0] is raw:  # type: ignore[index]
            return kept[1]  # type: ignore[index, no-any-return]
        uri = parse_uri(raw)
        self._kept["request-uri"] = (raw, uri)
        return uri

    @property
    def max_forwards(self) -> int | None:
        """The Max-Forwards value (RFC 3261 20.22); None when there is none. Raises HeaderError."""
        kept = self._kept.get("max-forwards")
        if kept is None:
            line = self.line("max-forwards")
            if line is None:
                return None
            kept = _HOPS.get(line)
            if kept is None:
                value = value_of(line)
                if not value.isdigit() or len(value) > 10:
                    raise HeaderError("Max-Forwards is not a number")
                kept = int(value)
            self._kept["max-forwards"] = kept
        return kept  # type: ignore[return-value]

    def set_uri(self, uri: AnyUri | str | bytes) -> None:
        """Replace the Request-URI. Raises HeaderError on white space or control characters."""
        raw = uri if isinstance(uri, bytes) else to_raw(str(uri))
        if not raw or _CONTROL.search(raw):
            raise HeaderError(f"a Request-URI holds no white space or control characters: {raw!r}")
        self.raw_uri = raw

    def to_bytes(self, top: bytes = b"", uri: bytes = b"") -> bytes:
        """The message as it would be sent now, with the line `top` (without CRLF) before all others, to `uri`."""
        if top:
            start = b"%b %b SIP/2.0\r\n%b" % (self.method.encode(), uri or self.raw_uri, top)
        elif self.raw_uri is self.original_uri and not self._edited:
            return self.raw
        else:
            start = b"%b %b SIP/2.0" % (self.method.encode(), self.raw_uri)
        return b"\r\n".join((start, *self._lines, b"", self._body))


class Response(Message):
    """A response."""

    __slots__ = ("_start", "flow", "status")

    status: int
    flow: object | None
    """Where it came from."""
    _start: bytes
    """The status line, without its CRLF."""

    @property
    def reason(self) -> str:
        """The reason phrase."""
        return self._start[12:].decode("utf-8", "surrogateescape")

    def to_bytes(self) -> bytes:
        """The message as it would be sent now."""
        if not self._edited:
            return self.raw
        return b"\r\n".join((self._start, *self._lines, b"", self._body))

    def without_via(self) -> bytes | None:
        """The message for the next Via; None when we are its last hop (RFC 3261 16.7 step 3)."""
        keys = self.keys
        if "via" not in keys:
            return None
        number = keys.index("via")
        line = self._lines[number]
        rest = split_first(value_of(line))[1].strip() if COMMA in line else b""
        lines = [self._start, *self._lines, b"", self._body]
        if rest:
            lines[number + 1] = b"Via: " + rest
        elif keys.count("via") > 1:
            del lines[number + 1]
        else:
            return None
        return b"\r\n".join(lines)


def parse_message(data: bytes, *, own: bool = False) -> Request | Response:
    """The message in one datagram or one frame. Raises MessageError (RFC 3261 7, 18.3).

    What this server made itself (`own`) may be longer than what it takes from others: it adds to it.
    """
    if data and data[0] <= CR:
        data = data.lstrip(b"\r\n")
    status, first, uri, keys, lines, body = scan(data, len(data), len(data)) if own else scan(data)
    message: Request | Response
    if status:
        message = response = Response.__new__(Response)
        response.status = status
        response.flow = None
        response._start = first
    else:
        message = request = Request.__new__(Request)
        method = _METHODS.get(first)
        if method is None:
            if not is_token(first):
                raise MessageError("the method is not a token")
            method = first.decode("ascii")
        request.method = method
        request.raw_uri = request.original_uri = uri
        request.dst_uri = None
        request.flow = None
        request.send_socket = None
        request.record = None
    message.raw = data
    message.keys = keys
    message._lines = lines
    message._edited = False
    message._kept = {}
    if keys.count("content-length") == 1 and _LENGTHS.get(lines[keys.index("content-length")]) == len(data) - body:
        message._body = data[body:]
    else:
        message._cut_body(body)
    return message


__all__ = ["MAX_BODY", "Message", "RecordRoute", "Request", "Response", "header_line", "parse_message"]
