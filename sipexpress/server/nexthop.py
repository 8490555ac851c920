"""Where a target is: from its URI to host, port and transport (RFC 3261 16.6 step 7, RFC 3263 4)."""

from __future__ import annotations

from typing import Any

from sipexpress.errors import UriError
from sipexpress.sip.uri import Uri, parse_uri

TRANSPORTS = frozenset(("", "udp", "tcp", "tls"))


class Hop:
    """A next hop: a flow that exists, or what the resolver has to be asked."""

    __slots__ = ("flow", "host", "port", "sips", "transport")

    def __init__(self, host: str, port: int | None, transport: str, sips: bool, flow: Any) -> None:
        self.host = host
        self.port = port
        self.transport = transport
        self.sips = sips
        self.flow = flow


def next_hop(uri: bytes, dst_uri: bytes | None, flow: object | None) -> Hop | None:
    """The next hop of a target; None when the URI is none, or not one SIP can be sent to."""
    live: Any = flow if flow is not None and getattr(flow, "connected", True) else None
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
    return Hop(via.param("maddr") or via.host, via.port, transport, via.is_sips, live)
