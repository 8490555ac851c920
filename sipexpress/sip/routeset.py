"""Route and Record-Route values (RFC 3261 20.30, 20.34)."""

from __future__ import annotations

import re
from typing import Any

from sipexpress.sip.nameaddr import NameAddr
from sipexpress.sip.uri import AnyUri, Uri

# What proxies write: an address in brackets, without display name, escapes or header parameters.
_USUAL = re.compile(
    rb"<sip:(?:[A-Za-z0-9\-_.!~*'()&=+$,]+@)?"
    rb"([A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\])(?::([1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
    rb"((?:;[A-Za-z0-9\-_.!~*'()&+$/:\[\]]+(?:=[A-Za-z0-9\-_.!~*'()&+$/:\[\]=,]*)?)*)>\Z"
)


class Route:
    """One element of a route set. Usual ones are read without making a URI object."""

    __slots__ = ("_params", "_uri", "host", "port", "raw")

    raw: bytes
    """As written."""
    host: str | None
    """The host of its SIP URI; None when it is another URI."""
    port: int | None

    def __init__(self, raw: bytes) -> None:
        """Raises HeaderError or UriError."""
        self.raw = raw
        self._uri: AnyUri | None = None
        found = _USUAL.match(raw)
        if found is not None:
            host, port, params = found.groups()
            self.host = host.decode("ascii")
            self.port = None if port is None else int(port)
            self._params: bytes | None = params.lower() + b";"
            return
        self._params = None
        uri = self._uri = NameAddr.parse(raw).uri
        self.host = uri.host if isinstance(uri, Uri) else None
        self.port = uri.port if isinstance(uri, Uri) else None

    @property
    def uri(self) -> Any:
        """Its URI. Raises HeaderError or UriError."""
        if self._uri is None:
            self._uri = NameAddr.parse(self.raw).uri
        return self._uri

    @property
    def text(self) -> bytes:
        """Its URI as it stands between the brackets."""
        return self.raw[1:-1] if self._params is not None else str(self.uri).encode("utf-8", "surrogateescape")

    def param(self, name: str) -> str | None:
        """A parameter of the URI (in lower case); "" when it has no value, None when it is not there."""
        params = self._params
        if params is None:
            value: str | None = self.uri.param(name)
            return None if value is None else value.lower()
        start = params.find(b";%b" % name.encode())
        while start >= 0:
            end = start + 1 + len(name)
            after = params[end : end + 1]
            if after == b";":
                return ""
            if after == b"=":
                return params[end + 1 : params.index(b";", end)].decode("utf-8", "surrogateescape")
            start = params.find(b";%b" % name.encode(), end)
        return None
