"""What counts as this server (SER's ``myself``)."""

from __future__ import annotations

from collections.abc import Iterable

from sipexpress.errors import ConfigError, UriError
from sipexpress.sip.uri import Uri, parse_uri
from sipexpress.transport.resolve import numeric

_ASKED = 4096


class Identity:
    """Addresses of the sockets and aliases. Hosts are kept in lower case, IPv6 without brackets."""

    __slots__ = ("_anywhere", "_asked", "_exact", "aliases", "places")

    places: frozenset[bytes]
    """``host:port`` of the sockets, as they write it into Via and Record-Route."""

    def __init__(self, aliases: Iterable[str] = ()) -> None:
        self.aliases = tuple(aliases)
        self._anywhere: set[str] = set()
        self._exact: set[tuple[str, int]] = set()
        self._asked: dict[tuple[str, int | None], bool] = {}
        """What was asked lately, with the answers."""
        self.update(())

    def update(self, addresses: Iterable[tuple[str, int]]) -> None:
        """Take the sockets' (host, port) pairs, advertised ones included."""
        self._asked = {}
        self._exact = {(bare(host), port) for host, port in addresses}
        self.places = frozenset(
            f"[{host}]:{port}".encode() if ":" in host else f"{host}:{port}".encode() for host, port in self._exact
        )
        self._anywhere = set()
        for alias in self.aliases:
            host, port = split_alias(alias)
            if port is None:
                self._anywhere.add(host)
            else:
                self._exact.add((host, port))

    def has(self, host: str, port: int | None) -> bool:
        """Whether host and port (None = 5060) name this server; an alias without port fits any port."""
        question = (host, port)
        answer = self._asked.get(question)
        if answer is None:
            if len(self._asked) >= _ASKED:
                self._asked.clear()
            host = bare(host)
            answer = self._asked[question] = host in self._anywhere or (host, port or 5060) in self._exact
        return answer

    def has_socket(self, host: str, port: int | None) -> bool:
        """Whether host and port (None = 5060) are exactly one of the sockets."""
        return (bare(host), port or 5060) in self._exact

    def has_uri(self, text: str) -> bool:
        """The same for a URI text; False for what is no SIP URI."""
        try:
            uri = parse_uri(text)
        except UriError:
            return False
        if not isinstance(uri, Uri):
            return False
        port = uri.port
        if port is None and uri.scheme == "sips":
            port = 5061
        if not self.has(uri.host, port):
            return False
        # It leads to maddr (RFC 3261 16.4, 16.5): another machine's URI, whatever its host says.
        maddr = uri.param("maddr") if uri.params else None
        return maddr is None or self.has_host(maddr)

    def has_host(self, host: str) -> bool:
        """Whether any socket or alias has that host, with whatever port."""
        host = bare(host)
        return host in self._anywhere or any(host == name for name, _ in self._exact)


def bare(host: str) -> str:
    """A host for comparison: lower case, no brackets, no final dot, IPv6 in its usual spelling."""
    host = host.lower().strip("[]").rstrip(".")
    return numeric(host) or host if ":" in host else host


def split_alias(alias: str) -> tuple[str, int | None]:
    """``[proto:]name[:port]`` of SER's alias. Raises ConfigError."""
    text = alias
    for protocol in ("udp:", "tcp:", "tls:", "*:"):
        if text.lower().startswith(protocol):
            text = text[len(protocol) :]
    try:
        uri = Uri.parse("sip:" + text)
    except UriError:
        raise ConfigError(f"alias {alias!r}: expected name[:port]") from None
    if uri.user is not None or uri.params or uri.headers is not None:
        raise ConfigError(f"alias {alias!r}: expected name[:port]")
    return bare(uri.host), uri.port
