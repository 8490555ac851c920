"""Where a target is: from its URI to host, port and transport (RFC 3261 16.6 step 7, RFC 3263 4)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from sipexpress.errors import UriError
from sipexpress.sip.uri import Uri, parse_uri

TRANSPORTS = frozenset(("", "udp", "tcp", "tls"))


class Hop(NamedTuple):
    """What the resolver has to be asked."""

    host: str
    port: int | None
    transport: str
    sips: bool


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
    return Hop(via.param("maddr") or via.host, via.port, transport, via.is_sips)


def live(flow: object | None) -> bool:
    """Whether a binding's connection is there, and open."""
    return flow is not None and getattr(flow, "connected", True)
