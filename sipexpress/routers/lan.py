"""Lan: phones of a local network call each other. The default of ``twistd sipexpress``."""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.logger import Logger

from sipexpress.errors import ParseError
from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc
from sipexpress.routing.router import Router
from sipexpress.routing.use import use
from sipexpress.sip.uri import AnyUri, Uri, parse_uri

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Private (RFC 1918, RFC 4193), loopback and link-local. Python's is_private counts others too, Teredo for one,
# and not the same ones in each version.
_LOCAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


class Lan(Router):
    """Registers and relays for private and loopback addresses only, without passwords.

    A phone can register no other contact than its own address. Nothing is relayed to foreign
    domains or out of the local network, inside a dialog neither. In place of a password stands
    the local source address; a REFER also needs a From of this server, or a trusted peer.
    """

    maxfwd = use(Maxfwd)
    sl = use(Sl)
    tm = use(Tm)
    rr = use(Rr)
    usrloc = use(Usrloc, use_domain=False)
    registrar = use(Registrar)

    async def route(self) -> Any:
        """Refuse strangers, register phones, connect calls."""
        if not is_local(self.src_ip):
            return self.refuse(403, "Only for the local network")
        if not self.maxfwd.mf_process_maxfwd_header(10):
            return self.refuse(483, "Too Many Hops")
        if self.method == "REFER" and not self.may_refer():
            return self.refuse(403, "No REFER from other domains")
        if self.rr.loose_route():
            if not self.stays_local():
                return self.refuse(403, "No relaying out of the local network")
            return self.relay()
        if self.uri != self.myself:
            return self.refuse(403, "No relaying to other domains")
        if self.method == "REGISTER":
            if not self.is_own_contact():
                return self.refuse(403, "A contact needs the phone's own address")
            return await self.registrar.save("location")
        if not await self.registrar.lookup("location"):
            return self.refuse(404, "Not Found")
        self.msg.remove("Route")  # it was not followed here, and the phone shall not follow it either
        self.rr.record_route()
        return self.relay()

    def relay(self) -> None:
        """Forward the request; what cannot be forwarded is answered."""
        if not self.tm.t_relay():
            self.sl.sl_reply_error()

    def refuse(self, code: int, reason: str) -> None:
        """Answer; an ACK or CANCEL that belongs to nothing is dropped instead."""
        if self.method in ("ACK", "CANCEL"):
            self.drop()
        self.sl.sl_send_reply(code, reason)

    def is_own_contact(self) -> bool:
        """Whether every contact has the source address of the request; save() refuses what cannot be read."""
        source = ipaddress.ip_address(str(self.src_ip))
        try:
            return all(addresses_of(contact.uri) == [source] for contact in self.msg.contacts)
        except ParseError:
            return True

    def stays_local(self) -> bool:
        """Whether the next hop of a request inside a dialog is a local address: a mark proves no more than a dialog."""
        try:
            addresses = addresses_of(parse_uri(self.dst_uri or self.uri))
        except ParseError:
            return False
        return bool(addresses) and all(is_local(address) for address in addresses)

    def may_refer(self) -> bool:
        """Whether the sender may make our phones call: one of our own people, or a trusted peer."""
        return self.from_uri == self.myself or self._ctx.server.is_trusted(self.src_ip)

    def started(self, server: Any) -> None:
        """Say how to use it."""
        hosts = sorted({socket.sent_by.decode() for socket in server.sockets})
        if hosts:
            Logger(namespace="sipexpress").info(
                "Point two phones at {hosts}: any user name, no password. "
                "Then call the other one by its user name. Only the local network is served.",
                hosts=" or ".join(hosts),
            )


def addresses_of(uri: AnyUri) -> list[Address]:
    """The IP addresses that a URI leads to, maddr included; empty when one of its hosts is a name."""
    if not isinstance(uri, Uri):
        return []
    hosts = [uri.host] if uri.param("maddr") is None else [uri.host, uri.param("maddr") or ""]
    try:
        return [ipaddress.ip_address(host.strip("[]")) for host in hosts]
    except ValueError:
        return []


def is_local(address: str | Address) -> bool:
    """Whether an IP address is private, loopback or link-local."""
    ip = ipaddress.ip_address(str(address))
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in _LOCAL)
