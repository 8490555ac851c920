"""Via (RFC 3261 20.42, RFC 3581)."""

from __future__ import annotations

import re

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import split_list, unfold
from sipexpress.sip.params import Params, param_of, parse_params

_VIA = re.compile(
    r"[ \t]*SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._]+)(?:[ \t]*:[ \t]*([0-9]{1,5}))?[ \t]*(;.*)?\Z",
    re.IGNORECASE | re.DOTALL,
)
_BRANCH = re.compile(rb';[ \t]*branch[ \t]*=[ \t]*([^\s;,"]+)', re.IGNORECASE)


class Via:
    """One hop. `transport` is in upper case, `host` as written without brackets, `port` None when absent."""

    __slots__ = ("_params", "_text", "host", "port", "transport")

    def __init__(self, transport: str, host: str, port: int | None, text: str = "") -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self._text = text
        self._params: Params | None = None

    @classmethod
    def parse(cls, value: bytes) -> Via:
        """Read the first Via of a field value. Raises HeaderError."""
        first = split_first(value)[0] if b"," in value else value
        if b"\r\n" in first:
            first = unfold(first)
        found = _VIA.match(first.decode("utf-8", "surrogateescape"))
        if found is None:
            raise HeaderError(f"Via {value[:60]!r}: expected SIP/2.0/transport host[:port][;parameters]")
        transport, host, port, params = found.groups()
        number = None if port is None else int(port)
        if number is not None and not 0 < number < 65536:
            raise HeaderError(f"Via {value[:60]!r}: the port is out of range")
        return cls(transport.upper(), host.strip("[]"), number, params or "")

    @property
    def params(self) -> Params:
        """The parameters. Raises HeaderError."""
        params = self._params
        if params is None:
            params = self._params = parse_params(self._text, "Via")
        return params

    @property
    def branch(self) -> str | None:
        """The branch parameter."""
        return param_of(self.params, "branch")

    @property
    def received(self) -> str | None:
        """Where the message really came from (RFC 3261 18.2.1)."""
        return param_of(self.params, "received")

    @property
    def rport(self) -> str | None:
        """None: not asked for; "": asked for; else the source port (RFC 3581)."""
        return param_of(self.params, "rport")


def split_first(value: bytes) -> tuple[bytes, bytes]:
    """The first element of a Via list and all that follows its comma."""
    if b"," not in value:
        return value, b""
    if b'"' not in value:
        first, _, rest = value.partition(b",")
        return first.rstrip(), rest
    items = split_list(value)
    return items[0] if items else b"", b", ".join(items[1:])


def branch_of(value: bytes) -> bytes | None:
    """The branch of the first Via in a field value, without parsing the rest."""
    found = _BRANCH.search(value)
    if found is None or b"," in value[: found.start()]:
        return None
    return found.group(1)
