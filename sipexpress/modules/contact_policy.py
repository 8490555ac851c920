"""Which contacts a REGISTER may name: what a user registers, calls are sent to."""

from __future__ import annotations

import ipaddress
from typing import Any

from sipexpress.modules.registration import Refused
from sipexpress.sip.uri import Uri
from sipexpress.transport.resolve import numeric

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def check_contact(server: Any, uri: Uri, source: str, networks: tuple[_Network, ...], names: bool) -> None:
    """Refuse a contact through which calls would reach what its user has no business with.

    Good is: the source address of the REGISTER, an address within `networks`, and any other
    address that is not this server, a trusted peer, loopback, link-local, multicast or broadcast.
    A host name could lead to any of them: good only with `names`. Raises Refused (403).
    """
    for host in (uri.host, uri.param("maddr")):
        if host is not None:
            _check_host(server, host.strip("[]"), uri.port, source, networks, names)


def _check_host(
    server: Any, host: str, port: int | None, source: str, networks: tuple[_Network, ...], names: bool
) -> None:
    if server.identity.has_socket(host, port):
        raise Refused(403, "Forbidden (the contact is this server)")
    address = numeric(host)
    if address is None:
        name = host.lower().rstrip(".")
        if name == "localhost" or name.endswith(".localhost") or server.identity.has_host(name) or not names:
            raise Refused(403, "Forbidden (a contact needs an IP address)")
        return
    ip = ipaddress.ip_address(address)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if str(ip) == source or any(ip in network for network in networks):
        return
    # Whatever its port: other programs of this machine are nobody's phone either.
    if server.identity.has_host(str(ip)) or server.is_trusted(str(ip)):
        raise Refused(403, "Forbidden (the contact is not yours)")
    if ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved:
        raise Refused(403, "Forbidden (calls cannot be sent to that contact)")
    if str(ip).endswith(".255") and ip.version == 4 and ip.is_private:
        raise Refused(403, "Forbidden (calls cannot be sent to that contact)")
