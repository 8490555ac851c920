"""Where a target is: from its URI to host, port and transport (RFC 3261 16.6 step 7, RFC 3263 4)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from sipexpress.errors import UriError
from sipexpress.sip.uri import Uri, parse_uri
from sipexpress.transport.resolve import Place, default_port, numeric

TRANSPORTS = frozenset(("", "udp", "tcp", "tls"))


class Hop(NamedTuple):
    """Where to send to: what the resolver has to be asked, or its answer where the host is an IP address."""

    host: str
    port: int | None
    transport: str
    sips: bool
    places: list[Place] | None


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
    address = numeric(host)
    if address is None:
        return Hop(host, via.port, transport, via.is_sips, None)
    protocol = "TLS" if via.is_sips else (transport or "udp").upper()
    return Hop(host, via.port, transport, via.is_sips, [(protocol, address, via.port or default_port(protocol))])


def live(flow: object | None) -> bool:
    """Whether a binding's connection is there, and open."""
    return flow is not None and getattr(flow, "connected", True)
