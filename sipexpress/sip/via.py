"""Via (RFC 3261 20.42, RFC 3581)."""

from __future__ import annotations

import re
from functools import lru_cache

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import COMMA, CR, QUOTE, blank_quoted, split_list, unfold, value_of
from sipexpress.sip.params import Params, param_of, parse_params

MAX_KEPT = 128

_HOP = re.compile(
    r"[ \t]*SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._]+)(?:[ \t]*:[ \t]*([0-9]{1,5}))?[ \t]*\Z",
    re.IGNORECASE | re.ASCII,
)
_BRANCH = re.compile(rb';[ \t]*branch[ \t]*=[ \t]*([^\s;,"]+)', re.IGNORECASE)
# One hop as nearly everybody writes it, and no longer than MAX_KEPT.
_USUAL = re.compile(
    rb"Via: (SIP/2\.0/[A-Z]{1,8} [A-Za-z0-9.\-:\[\]]{1,100});branch=([A-Za-z0-9\-.!%*_+`'~]+)(;rport)?\Z"
)


@lru_cache(4096)
def _hop(text: bytes) -> tuple[str, str, int | None]:
    """(transport, host, port) of what stands before the parameters: the same for all requests of a peer."""
    found = _HOP.match(text.decode("utf-8", "surrogateescape"))
    if found is None:
        raise HeaderError(f"Via {text[:60]!r}: expected SIP/2.0/transport host[:port][;parameters]")
    transport, host, port = found.groups()
    number = None if port is None else int(port)
    if number is not None and not 0 < number < 65536:
        raise HeaderError(f"Via {text[:60]!r}: the port is out of range")
    return transport.upper(), host.strip("[]"), number


class Via:
    """One hop. `transport` is in upper case, `host` as written without brackets, `port` None when absent."""

    __slots__ = ("_first", "branch", "host", "more", "port", "received", "rport", "transport")

    transport: str
    host: str
    port: int | None
    _first: bytes
    """What it was read from."""
    more: bool
    """Whether another one may follow in the same field."""
    branch: str | None
    """The branch parameter."""
    received: str | None
    """Where the message really came from (RFC 3261 18.2.1)."""
    rport: str | None
    """None: not asked for; "": asked for; else the source port (RFC 3581)."""

    @classmethod
    def parse(cls, value: bytes) -> Via:
        """Read the first Via of a field value. Raises HeaderError."""
        more = COMMA in value
        first = split_first(value)[0] if more else value
        if CR in first:
            first = unfold(first)
        hop, semicolon, params = first.partition(b";")
        via = cls.__new__(cls)
        via._first = first
        via.more = more
        # What is long is read without being kept: strangers choose it.
        via.transport, via.host, via.port = _hop(hop) if len(hop) <= MAX_KEPT else _hop.__wrapped__(hop)
        read = parse_params(";" + params.decode("utf-8", "surrogateescape"), "Via") if semicolon else ()
        via.branch = param_of(read, "branch")
        via.received = param_of(read, "received")
        via.rport = param_of(read, "rport")
        return via

    @classmethod
    def of_line(cls, line: bytes) -> Via:
        """Read the first Via of a header line. Raises HeaderError."""
        usual = _USUAL.match(line)
        if usual is None:
            return cls.parse(value_of(line))
        hop, branch, rport = usual.groups()
        via = cls.__new__(cls)
        via._first = line
        via.more = False
        via.transport, via.host, via.port = _hop(hop)
        via.branch = branch.decode("ascii")
        via.received = None
        via.rport = None if rport is None else ""
        return via

    @property
    def params(self) -> Params:
        """All of its parameters."""
        text = self._first.partition(b";")[2].decode("utf-8", "surrogateescape")
        return parse_params(";" + text, "Via") if text else ()


def split_first(value: bytes) -> tuple[bytes, bytes]:
    """The first element of a Via list and all that follows its comma."""
    if COMMA not in value:
        return value, b""
    if QUOTE not in value:
        first, _, rest = value.partition(b",")
        return first.rstrip(), rest
    items = split_list(value)
    return items[0] if items else b"", b", ".join(items[1:])


def branch_of(value: bytes) -> bytes | None:
    """The branch of the first Via in a header line or field value, without parsing the rest."""
    if CR in value:
        value = unfold(value)
    if QUOTE in value:
        value = blank_quoted(value)
    found = _BRANCH.search(value)
    if found is None or COMMA in value[: found.start()]:
        return None
    return found.group(1)
