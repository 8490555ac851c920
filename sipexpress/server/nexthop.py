"""Where a target is: from its URI to host, port and transport (RFC 3261 16.6 step 7, RFC 3263 4)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sipexpress.errors import UriError
from sipexpress.sip.uri import Uri, parse_uri
from sipexpress.transport.resolve import Place, numeric_places

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

TRANSPORTS = frozenset(("", "udp", "tcp", "tls"))


class Hop(NamedTuple):
    """Where to send to: what the resolver has to be asked, or its answer where the host is an IP address."""

    host: str
    port: int | None
    transport: str
    sips: bool
    places: list[Place] | None

    def locate(self, resolver: Any) -> list[Place] | Deferred[list[Place]]:
        """The places to try, best first: known already, or what the IResolver gives."""
        return self.places or resolver.locate(self.host, self.port, self.transport, self.sips)


@lru_cache(4096)
def next_hop(uri: bytes, dst_uri: bytes | None) -> Hop | None:
    """The next hop of a target; None when the URI is none, or not one SIP can be sent to."""
    try:
        target = parse_uri(uri)
        via = target if dst_uri is None else parse_uri(dst_uri)
    except UriError:
        return None
    if not isinstance(via, Uri):
        return None
    transport = (via.param("transport") or "").lower()
    if transport not in TRANSPORTS:
        return None
    host = via.param("maddr") or via.host
    places = numeric_places(host, via.port, transport, via.is_sips)
    return Hop(host, via.port, transport, via.is_sips, places)


def live(flow: object | None) -> bool:
    """Whether a binding's connection is there, and open."""
    return flow is not None and getattr(flow, "connected", True)
