"""Requests and responses: received bytes, an index of the header lines, and visible edits.

A header is parsed when it is asked for and kept; an edit is visible at once and costs
one splice when the message is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from sipexpress.errors import HeaderError, MessageError
from sipexpress.sip.cseq import CSeq
from sipexpress.sip.headers import DISPLAY, canonical, is_token, split_list, unfold
from sipexpress.sip.nameaddr import NameAddr, parse_list, tag_of
from sipexpress.sip.scan import scan
from sipexpress.sip.splice import Edits, pop_via, splice
from sipexpress.sip.uri import AnyUri, parse_uri
from sipexpress.sip.via import Via

MAX_BODY = 65536

_METHOD_NAMES = "INVITE ACK BYE CANCEL REGISTER OPTIONS INFO PRACK UPDATE MESSAGE SUBSCRIBE NOTIFY PUBLISH REFER"
_METHODS = {name.encode(): name for name in _METHOD_NAMES.split()}


class RecordRoute(Protocol):
    """A Record-Route entry of ours that has to know which socket the request leaves by."""

    def leave_by(self, request: Request, socket: Any) -> None:
        """Add the second entry for a request that leaves by another socket (RFC 5658)."""


class Message:
    """What requests and responses share. `raw` never changes; edits lie beside it."""

    __slots__ = ("_body", "_edits", "_kept", "bounds", "keys", "raw")

    raw: bytes
    keys: list[str]
    bounds: list[int]
    _edits: Edits | None
    _body: bytes | None
    _kept: dict[str, object]

    def _adopt(self, raw: bytes, keys: list[str], bounds: list[int]) -> None:
        self.raw = raw
        self.keys = keys
        self.bounds = bounds
        self._edits = None
        self._body = None
        self._kept = {}

    def _copy_into(self, other: Message) -> None:
        other.raw = self.raw
        other.keys = self.keys
        other.bounds = self.bounds
        edits = self._edits
        other._edits = None if edits is None else {at: list(lines) for at, lines in edits.items()}
        other._body = self._body
        other._kept = self._kept.copy()

    # reading

    def header(self, key: str) -> bytes | None:
        """The first field value of the header `key` (a lower-case long name), or None."""
        if self._edits is None:
            try:
                number = self.keys.index(key)
            except ValueError:
                return None
            value = self.raw[self.bounds[number] : self.bounds[number + 1] - 2].partition(b":")[2].strip(b" \t")
            return unfold(value) if b"\r\n" in value else value
        for _, _, line in self._lines(key):
            return _value(line)
        return None

    def header_values(self, key: str) -> list[bytes]:
        """Every field value of the header `key`, in order; comma lists are not split."""
        if self._edits is None and key not in self.keys:
            return []
        return [_value(line) for _, _, line in self._lines(key)]

    def header_list(self, key: str) -> list[bytes]:
        """The elements of the comma list `key`, over all its lines (RFC 3261 7.3.1)."""
        return [item for value in self.header_values(key) for item in split_list(value)]

    def has_header(self, key: str) -> bool:
        """Whether a header `key` is there."""
        if self._edits is None:
            return key in self.keys
        return any(True for _ in self._lines(key))

    def header_lines(self) -> list[tuple[str, bytes]]:
        """All header lines as they would be sent now: (key, line without CRLF)."""
        return [(key, line) for _, key, line in self._lines(None)]

    def _lines(self, wanted: str | None) -> Iterator[tuple[int, str, bytes]]:
        """Lines of one key (or all) with the number of the slot they stand in."""
        edits = self._edits or {}
        raw, bounds = self.raw, self.bounds
        for key, line in edits.get(-1, ()):
            if wanted is None or key == wanted:
                yield -1, key, line
        for number, key in enumerate(self.keys):
            if number in edits:
                for new_key, line in edits[number]:
                    if wanted is None or new_key == wanted:
                        yield number, new_key, line
            elif wanted is None or key == wanted:
                yield number, key, raw[bounds[number] : bounds[number + 1] - 2]
        last = len(self.keys)
        for key, line in edits.get(last, ()):
            if wanted is None or key == wanted:
                yield last, key, line

    @property
    def body(self) -> bytes:
        """The body; assigning another one also corrects Content-Length."""
        return self.raw[self.bounds[-1] + 2 :] if self._body is None else self._body

    @body.setter
    def body(self, body: bytes) -> None:
        self._body = body
        self.set("Content-Length", b"%d" % len(body))

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
        return self._tag("from")

    @property
    def to_tag(self) -> bytes | None:
        """The tag of To, as written; None outside a dialog."""
        return self._tag("to")

    def _tag(self, key: str) -> bytes | None:
        value = self.header(key)
        return None if value is None else tag_of(value)

    @property
    def call_id(self) -> bytes:
        """The Call-ID value; empty when there is none."""
        return self.header("call-id") or b""

    @property
    def cseq(self) -> CSeq:
        """The CSeq header (RFC 3261 20.16). Raises HeaderError."""
        kept = self._kept.get("cseq")
        if kept is None:
            value = self.header("cseq")
            if value is None:
                raise HeaderError("the message has no CSeq header")
            kept = self._kept["cseq"] = CSeq.parse(value)
        assert isinstance(kept, CSeq)
        return kept

    @property
    def via(self) -> Via:
        """The top Via (RFC 3261 20.42). Raises HeaderError."""
        kept = self._kept.get("via")
        if kept is None:
            value = self.header("via")
            if value is None:
                raise HeaderError("the message has no Via header")
            kept = self._kept["via"] = Via.parse(value)
        assert isinstance(kept, Via)
        return kept

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
        return kept

    # editing

    def add(self, name: str, value: str | bytes, *, top: bool = False) -> None:
        """Add a header field after the last one (before the first one with `top`).

        Raises HeaderError when the name is no token or the value holds CR, LF or NUL.
        """
        key, line = header_line(name, value)
        self.insert(-1 if top else len(self.keys), key, line)

    def insert(self, slot: int, key: str, line: bytes) -> None:
        """Put a ready line at the front (slot -1) or the end (slot ``len(keys)``)."""
        edits = self._edits
        if edits is None:
            edits = self._edits = {}
        lines = edits.setdefault(slot, [])
        if slot == -1:
            lines.insert(0, (key, line))
        else:
            lines.append((key, line))
        self._kept.pop(key, None)

    def set(self, name: str, value: str | bytes) -> None:
        """Replace the first field of that name, remove the others; add it when there is none."""
        key, line = header_line(name, value)
        self.replace_lines(key, [line])

    def remove(self, name: str) -> int:
        """Remove every field of that name; returns how many there were."""
        key = canonical(name)
        count = sum(1 for _ in self._lines(key))
        if count:
            self.replace_lines(key, [])
        return count

    def replace_first(self, key: str, line: bytes) -> None:
        """Put `line` in the place of the first field of that key, which must be there."""
        if self._edits is None:
            self._edits = {self.keys.index(key): [(key, line)]}
        else:
            slot, _, old = next(iter(self._lines(key)))
            self._swap(slot, key, old, [line])
        self._kept.pop(key, None)

    def replace_lines(self, key: str, lines: list[bytes]) -> None:
        """Put all `lines` where the first field of that key stands, and remove the other ones."""
        old_lines = list(self._lines(key))
        if self._edits is None:
            self._edits = {}
        for slot, _, old in old_lines:
            self._swap(slot, key, old, lines)
            lines = []
        for line in lines:
            self.insert(len(self.keys), key, line)
        self._kept.pop(key, None)

    def _swap(self, slot: int, key: str, old: bytes, lines: list[bytes]) -> None:
        edits = self._edits
        assert edits is not None
        new = [(key, line) for line in lines]
        present = edits.get(slot)
        if present is None:
            edits[slot] = new
        else:
            at = present.index((key, old))
            present[at : at + 1] = new

    def _body_limits(self) -> None:
        """Cut what is beyond Content-Length (RFC 3261 18.3); raises MessageError when bytes are missing."""
        start = self.bounds[-1] + 2
        held = len(self.raw) - start
        if "content-length" in self.keys:
            values = self.header_values("content-length")
            text = values[0]
            if not text.isdigit() or len(text) > 10 or any(value != text for value in values):
                raise MessageError("Content-Length is not one decimal number")
            length = int(text)
            if length > held:
                raise MessageError(f"Content-Length says {length} bytes, the body has {held}")
            if length < held:
                self.raw = self.raw[: start + length]
                held = length
        if held > MAX_BODY:
            raise MessageError(f"a body of {held} bytes is above the limit of {MAX_BODY}")


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
        return parse_uri(self.raw_uri)

    def set_uri(self, uri: AnyUri | str | bytes) -> None:
        """Replace the Request-URI. Raises HeaderError on white space or control characters."""
        raw = uri if isinstance(uri, bytes) else str(uri).encode("utf-8", "surrogateescape")
        if not raw or any(byte <= 32 or byte == 127 for byte in raw):
            raise HeaderError(f"a Request-URI holds no white space or control characters: {raw!r}")
        self.raw_uri = raw

    def start_line(self) -> bytes:
        """The request line with its CRLF."""
        return b"%b %b SIP/2.0\r\n" % (self.method.encode(), self.raw_uri)

    def to_bytes(self, top: bytes = b"") -> bytes:
        """The message as it would be sent now, with `top` header lines before all others."""
        if self.raw_uri is self.original_uri and not top and not self._edits and self._body is None:
            return self.raw
        return splice(self.raw, self.bounds, self.start_line(), top, self._edits, self._body)


class Response(Message):
    """A response."""

    __slots__ = ("flow", "reason", "status")

    status: int
    reason: str
    flow: object | None
    """Where it came from."""

    def start_line(self) -> bytes:
        """The status line with its CRLF."""
        return b"SIP/2.0 %d %b\r\n" % (self.status, self.reason.encode("utf-8", "surrogateescape"))

    def to_bytes(self) -> bytes:
        """The message as it would be sent now."""
        if not self._edits and self._body is None:
            return self.raw
        return splice(self.raw, self.bounds, self.start_line(), b"", self._edits, self._body)

    def without_via(self) -> bytes | None:
        """The message for the next Via; None when we are its last hop (RFC 3261 16.7 step 3)."""
        if not self._edits and self._body is None:
            return pop_via(self.raw, self.keys, self.bounds)
        raw = self.to_bytes()
        _, _, _, keys, bounds = scan(raw)
        return pop_via(raw, keys, bounds)


def parse_message(data: bytes) -> Request | Response:
    """The message in one datagram or one frame. Raises MessageError (RFC 3261 7, 18.3)."""
    if data[:1] in b"\r\n":
        data = data.lstrip(b"\r\n")
    status, first, second, keys, bounds = scan(data)
    if status:
        response = Response.__new__(Response)
        response._adopt(data, keys, bounds)
        response.status = status
        response.flow = None
        response.reason = second.decode("utf-8", "surrogateescape")
        response._body_limits()
        return response
    request = Request.__new__(Request)
    request._adopt(data, keys, bounds)
    method = _METHODS.get(first)
    if method is None:
        if not is_token(first):
            raise MessageError("the method is not a token")
        method = first.decode("ascii")
    request.method = method
    request.raw_uri = request.original_uri = second
    request.dst_uri = None
    request.flow = None
    request.send_socket = None
    request.record = None
    request._body_limits()
    return request


def header_line(name: str, value: str | bytes) -> tuple[str, bytes]:
    """Check a header field and give (key, line without CRLF). Raises HeaderError.

    CR, LF and NUL in a value would make new header lines of it: refused.
    """
    key = canonical(name)
    raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    if b"\r" in raw or b"\n" in raw or b"\0" in raw:
        raise HeaderError(f"the value of {name} holds CR, LF or NUL: {raw!r}")
    return key, b"%b: %b" % (name.encode("ascii"), raw)


def _value(line: bytes) -> bytes:
    value = line.partition(b":")[2].strip(b" \t")
    return unfold(value) if b"\r\n" in value else value
