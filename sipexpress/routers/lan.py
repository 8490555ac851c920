"""Lan: phones of a local network call each other. The default of ``twistd sipexpress``."""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.logger import Logger

from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc
from sipexpress.routing.router import Router
from sipexpress.routing.use import use
from sipexpress.sip.uri import Uri


class Lan(Router):
    """Registers and relays for private and loopback addresses only, without passwords.

    A phone can register no other contact than its own address, and nothing is relayed to
    foreign domains.
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
        if self.rr.loose_route():
            return self.relay()
        if self.uri != self.myself:
            return self.refuse(403, "No relaying to other domains")
        if self.method == "REGISTER":
            if not self.is_own_contact():
                return self.refuse(403, "A contact needs the phone's own address")
            return await self.registrar.save("location")
        if not await self.registrar.lookup("location"):
            return self.refuse(404, "Not Found")
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
        """Whether every contact has the source address of the request."""
        for contact in self.msg.contacts:
            uri = contact.uri
            if not isinstance(uri, Uri) or uri.host.strip("[]") != self.src_ip or uri.param("maddr") is not None:
                return False
        return True

    def started(self, server: Any) -> None:
        """Say how to use it."""
        hosts = sorted({socket.sent_by.decode() for socket in server.sockets})
        if hosts:
            Logger(namespace="sipexpress").info(
                "Point two phones at {hosts}: any user name, no password. "
                "Then call the other one by its user name. Only the local network is served.",
                hosts=" or ".join(hosts),
            )


def is_local(address: str) -> bool:
    """Whether an IP address is private or loopback."""
    ip = ipaddress.ip_address(str(address))
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_private and not ip.is_unspecified
