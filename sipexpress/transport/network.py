"""All sockets of a server: opened, chosen, and kept in step with the machine's addresses."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket as sockets
from typing import Any

import ifaddr
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from zope.interface import implementer

from sipexpress.errors import ConfigError
from sipexpress.interfaces import INetwork
from sipexpress.transport.connections import Connections, Limits
from sipexpress.transport.flow import Address, Flow
from sipexpress.transport.listen import ListenSpec, Socket, is_loopback
from sipexpress.transport.tcp import TcpSocket
from sipexpress.transport.udp import FLOWS, UdpSocket


def addresses() -> dict[str, list[str]]:
    """The usable addresses of each interface: no link-local IPv6."""
    found: dict[str, list[str]] = {}
    for adapter in ifaddr.get_adapters():
        hosts = []
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            if not ipaddress.ip_address(text.partition("%")[0]).is_link_local or ":" not in text:
                hosts.append(text.partition("%")[0])
        found[str(adapter.name)] = hosts
    return found


def hosts_for(spec: ListenSpec, interfaces: dict[str, list[str]]) -> list[str]:
    """The addresses that an entry of `listen` means. Raises ConfigError."""
    host = spec.host
    every = [text for texts in interfaces.values() for text in texts]
    if host in (None, "0.0.0.0", "::"):
        if host is not None:
            every = [text for text in every if (":" in text) == (":" in host)]
        outside = [text for text in every if not ipaddress.ip_address(text).is_loopback]
        return outside or every
    assert host is not None
    if host == "localhost":
        return ["127.0.0.1"]
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    if host not in interfaces:
        known = ", ".join(sorted(interfaces))
        raise ConfigError(f"listen: {host!r} is neither an IP address nor an interface (there are {known})")
    return interfaces[host]


@implementer(INetwork)
class Network:
    """The sockets of one server on one reactor."""

    def __init__(self, reactor: Any, limits: Limits | None = None, mhomed: bool = False) -> None:
        self._reactor = reactor
        self.connections = Connections(reactor, limits or Limits())
        self.mhomed = mhomed
        self.sockets: list[Socket] = []
        self._specs: list[ListenSpec] = []
        self._ways: dict[tuple[Socket | None, Address], Flow] = {}
        """What `flow_to` gave for late targets over UDP, until the next rescan: mhomed has to follow new routes."""
        self._receiver: Any = None
        self._advertise: tuple[str, int | None] | None = None

    def open(self, specs: list[ListenSpec], receiver: Any, advertise: tuple[str, int | None] | None) -> list[Socket]:
        """Listen on everything in `specs`. Raises ConfigError in one line, and leaves nothing open."""
        self._specs = list(specs)
        self._receiver = receiver
        self._advertise = advertise
        try:
            for protocol, host, port in self._wanted():
                self.sockets.append(self._listen(protocol, host, port))
        except BaseException:
            self.close()
            raise
        return list(self.sockets)

    def _wanted(self, later: bool = False) -> list[tuple[str, str, int]]:
        interfaces = addresses()
        wanted = []
        for spec in self._specs:
            try:
                wanted += [(spec.protocol, host, spec.port) for host in hosts_for(spec, interfaces)]
            except ConfigError:
                if not later:
                    raise
                # An interface that was there at the start is away; it may come back.
        return list(dict.fromkeys(wanted))

    def _listen(self, protocol: str, host: str, port: int) -> Socket:
        place = f"{protocol}:[{host}]:{port}" if ":" in host else f"{protocol}:{host}:{port}"
        try:
            if protocol == "udp":
                return UdpSocket(self._reactor, host, port, self._receiver, self._advertise)
            return TcpSocket(self._reactor, host, port, self._receiver, self._advertise, self.connections)
        except CannotListenError as error:
            raise ConfigError(f"cannot listen on {place}: {_advice(error.socketError)}") from None
        except OSError as error:
            raise ConfigError(f"cannot listen on {place}: {_advice(error)}") from None

    def flow_to(self, protocol: str, address: Address, prefer: Socket | None) -> Flow | None:
        """A flow to `address`: over a live TCP connection, else from `prefer` where that fits, else
        from the first socket of that protocol and family; None when there is none.
        """
        if protocol != "UDP":
            live = self.connections.find(address) if protocol == "TCP" else None
            return live or self._flow_to(protocol, address, prefer)
        way = (prefer, address)
        flow = self._ways.get(way)
        if flow is None:
            flow = self._flow_to(protocol, address, prefer)
            if flow is not None:
                if len(self._ways) >= FLOWS:
                    self._ways.clear()
                self._ways[way] = flow
        return flow

    def _flow_to(self, protocol: str, address: Address, prefer: Socket | None) -> Flow | None:
        host = address[0]
        if not self.mhomed and prefer is not None and prefer.protocol == protocol and self._fits(prefer, host):
            return prefer.flow_to(address)
        fitting = [socket for socket in self.sockets if socket.protocol == protocol and self._fits(socket, host)]
        if not fitting:
            return None
        if self.mhomed and len(fitting) > 1:
            source = source_for(host)
            fitting.sort(key=lambda socket: (socket.host != source, socket is not prefer))
        elif prefer is not None:
            fitting.sort(key=lambda socket: socket.host != prefer.host)
        return fitting[0].flow_to(address)

    def _fits(self, socket: Socket, host: str) -> bool:
        if socket.ipv6 != (":" in host):
            return False
        # From 127.0.0.1 nothing leaves the machine.
        return not socket.loopback or is_loopback(host)

    def rescan(self) -> tuple[list[Socket], list[Socket]]:
        """Listen on addresses that came, stop where they went: (added, removed)."""
        wanted = [place for place in self._wanted(later=True) if place[2]]
        have = {(socket.protocol.lower(), socket.host, socket.port): socket for socket in self.sockets}
        fixed = {spec.port for spec in self._specs}
        removed = [socket for place, socket in have.items() if place not in wanted and place[2] in fixed]
        for socket in removed:
            self.sockets.remove(socket)
            maybeDeferred(socket.stop)
        added = []
        for place in wanted:
            if place not in have:
                try:
                    added.append(self._listen(*place))
                except ConfigError:
                    continue  # not usable yet (IPv6 still tentative); the next scan tries again
        self.sockets += added
        self._ways.clear()
        return added, removed

    def close(self) -> Deferred[Any]:
        """Close every socket and connection."""
        self.connections.stop()
        closing, self.sockets = self.sockets, []
        self._ways.clear()
        return gatherResults([maybeDeferred(socket.stop) for socket in closing], consumeErrors=True)


def source_for(host: str) -> str | None:
    """The address that the operating system would send from (SER's mhomed)."""
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    with sockets.socket(family, sockets.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _advice(error: Any) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return "the port is taken by another program"
    if number == errno.EACCES:
        return "not allowed (ports below 1024 need root or CAP_NET_BIND_SERVICE)"
    if number == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    return os.strerror(number) if number else str(error)
