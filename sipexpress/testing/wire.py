"""An in-memory network: UDP that can lose, delay, duplicate and reorder; TCP that delivers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed

from sipexpress.errors import ConfigError
from sipexpress.transport.flow import Flow
from sipexpress.transport.listen import ListenSpec, Socket

Address = tuple[str, int]
SERVER = "10.0.0.1"


class Packet:
    """One message on the wire."""

    __slots__ = ("data", "destination", "lost", "protocol", "source", "time")

    def __init__(self, time: float, protocol: str, source: Address, destination: Address, data: bytes) -> None:
        self.time = time
        self.protocol = protocol
        self.source = source
        self.destination = destination
        self.data = data
        self.lost = False

    @property
    def start_line(self) -> str:
        """The first line of the message."""
        return self.data.partition(b"\r\n")[0].decode("utf-8", "replace")

    def __repr__(self) -> str:
        mark = " (lost)" if self.lost else ""
        source, destination = (f"{host}:{port}" for host, port in (self.source, self.destination))
        return f"<{self.time:.3f} {source} > {destination} {self.start_line}{mark}>"


class Wire:
    """The network that the server and the phones of one test share.

    `latency` is the way of one message in seconds. `lose`, called with each UDP packet, tells
    whether it is lost; `loss`, `duplicates` and `jitter` do so by chance (fractions, and seconds),
    always in the same way for the same `seed`.
    """

    def __init__(self, clock: Any, latency: float = 0.001, seed: int = 1) -> None:
        self.clock = clock
        self.latency = latency
        self.loss = 0.0
        self.duplicates = 0.0
        self.jitter = 0.0
        self.lose: Callable[[Packet], bool] = lambda packet: False
        self.packets: list[Packet] = []
        self.keep = True
        """Whether `packets` keeps what was sent."""
        self._random = random.Random(seed)  # noqa: S311 - the same chances in each run
        self._places: dict[tuple[str, str, int], WireSocket] = {}
        self._streams: dict[tuple[Socket, Address], StreamFlow] = {}

    def bind(self, socket: WireSocket) -> None:
        """Give a socket its place. Raises ConfigError when that is taken."""
        place = (socket.protocol, socket.host, socket.port)
        if place in self._places:
            raise ConfigError(f"{socket.protocol.lower()}:{socket.host}:{socket.port}: address already in use")
        self._places[place] = socket

    def unbind(self, socket: WireSocket) -> None:
        """The socket is closed, and its connections with it."""
        self._places.pop((socket.protocol, socket.host, socket.port), None)
        for flow in [flow for (owner, _), flow in self._streams.items() if owner is socket]:
            flow.close()

    def has(self, host: str) -> bool:
        """Whether any socket is at the IP address `host`."""
        return any(place[1] == host for place in self._places)

    def sent(self, start: str = "", source: Address | None = None) -> list[Packet]:
        """The packets whose first line starts with `start`, of one source where that is given."""
        return [
            packet
            for packet in self.packets
            if packet.start_line.startswith(start) and (source is None or packet.source == source)
        ]

    def carry(self, protocol: str, source: Address, destination: Address, data: bytes, flow: Any) -> None:
        """Take a message on its way."""
        packet = Packet(self.clock.seconds(), protocol, source, destination, data)
        if self.keep:
            self.packets.append(packet)
        if protocol == "TCP":
            self.clock.callLater(self.latency, flow.peer_received, data)
            return
        if self.lose(packet) or (self.loss and self._random.random() < self.loss):
            packet.lost = True
            return
        copies = 2 if self.duplicates and self._random.random() < self.duplicates else 1
        for _ in range(copies):
            delay = self.latency + (self._random.random() * self.jitter if self.jitter else 0.0)
            self.clock.callLater(delay, self._arrive, protocol, source, destination, data)

    def _arrive(self, protocol: str, source: Address, destination: Address, data: bytes) -> None:
        socket = self._places.get((protocol, *destination))
        if socket is not None:
            socket.receiver.received(data, socket.flow_to(source))
            return
        # Nobody listens there: what ICMP would tell the sender.
        sender = self._places.get((protocol, *source))
        if sender is not None:
            self.clock.callLater(
                self.latency, sender.receiver.send_failed, sender.flow_to(destination), data[:500], "port unreachable"
            )

    def stream(self, socket: WireSocket, address: Address) -> Flow:
        """The connection of `socket` to `address`: the one there is, or a new one."""
        flow = self._streams.get((socket, address))
        if flow is None:
            flow = StreamFlow(self, socket, address)
            self._streams[socket, address] = flow
        return flow

    def accept(self, flow: StreamFlow) -> StreamFlow | None:
        """The other end of a new connection."""
        listener = self._places.get(("TCP", *flow.address))
        if listener is None:
            return None
        peer = StreamFlow(self, listener, flow.local)
        peer.peer = flow
        self._streams[listener, flow.local] = peer
        return peer

    def forget(self, flow: StreamFlow) -> None:
        """A connection is closed."""
        self._streams.pop((flow.socket, flow.address), None)


class WireSocket(Socket):
    """A socket on the wire."""

    def __init__(self, wire: Wire, protocol: str, host: str, port: int, receiver: Any, advertised: Any = None) -> None:
        super().__init__(protocol, host, port, receiver, advertised)
        self.wire = wire
        self._port_of_stream = 40000
        wire.bind(self)

    def flow_to(self, address: Address) -> Flow:
        """The way to an address."""
        return self.wire.stream(self, address) if self.reliable else DatagramFlow(self, address)

    def stop(self) -> Deferred[None]:
        """Close it."""
        self.wire.unbind(self)
        return succeed(None)

    def next_stream_port(self) -> int:
        """A local port for an outgoing connection."""
        self._port_of_stream += 1
        return self._port_of_stream


class DatagramFlow(Flow):
    """UDP."""

    protocol = "UDP"
    reliable = False

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        socket: Any = self.socket
        socket.wire.carry("UDP", (socket.host, socket.port), self.address, data, None)


class StreamFlow(Flow):
    """TCP: one end of a connection."""

    __slots__ = ("_wire", "connected", "local", "peer", "reply_port")

    protocol = "TCP"
    reliable = True

    def __init__(self, wire: Wire, socket: WireSocket, address: Address) -> None:
        super().__init__(socket, address)
        self._wire = wire
        self.local = (socket.host, socket.next_stream_port())
        self.connected = True
        self.peer: StreamFlow | None = None
        self.reply_port = 0
        """Where the peer listens, by its Via: for replies after the connection is gone (RFC 3261 18.2.2)."""

    def send(self, data: bytes) -> None:
        """Send one message; connect first where that has not happened."""
        if not self.connected and self.reply_port and data.startswith(b"SIP/2.0 "):
            self.socket.flow_to((self.address[0], self.reply_port)).send(data)
            return
        if self.peer is None and self.connected:
            self.peer = self._wire.accept(self)
        if self.peer is None or not self.connected:
            self._wire.forget(self)
            socket: Any = self.socket
            self._wire.clock.callLater(0, socket.receiver.send_failed, self, data, "connection refused")
            return
        self._wire.carry("TCP", self.local, self.address, data, self.peer)

    def peer_received(self, data: bytes) -> None:
        """A message arrives."""
        if self.connected:
            socket: Any = self.socket
            socket.receiver.received(data, self)

    def close(self) -> None:
        """Close both ends."""
        peer, self.peer = self.peer, None
        if not self.connected:
            return
        self.connected = False
        self._wire.forget(self)
        socket: Any = self.socket
        socket.receiver.closed(self)
        if peer is not None:
            peer.close()

    def alias(self, port: int) -> None:
        """Requests to `port` of the peer use this connection too."""
        self._wire._streams[self.socket, (self.address[0], port)] = self


class WireNetwork:
    """The sockets of a server on the wire (INetwork). A listen text without address means 10.0.0.1."""

    def __init__(self, wire: Wire, host: str = SERVER) -> None:
        self._wire = wire
        self._host = host
        self.sockets: list[WireSocket] = []

    def open(self, specs: list[ListenSpec], receiver: Any, advertise: Any) -> list[WireSocket]:
        """Bind all; nothing stays open when one fails."""
        try:
            for spec in specs:
                self.sockets.append(
                    WireSocket(
                        self._wire, spec.protocol.upper(), spec.host or self._host, spec.port, receiver, advertise
                    )
                )
        except ConfigError:
            self.close()
            raise
        return self.sockets

    def flow_to(self, protocol: str, address: Address, prefer: Any) -> Flow | None:
        """A flow from `prefer` where that fits, else from a socket of the protocol at its address, else from the
        first one.
        """
        ipv6 = ":" in address[0]
        fitting = [socket for socket in self.sockets if socket.protocol == protocol and socket.ipv6 == ipv6]
        if protocol == "TCP":
            for socket in fitting:
                live = self._wire._streams.get((socket, address))
                if live is not None:
                    return live
        if prefer in fitting:
            return prefer.flow_to(address)  # type: ignore[no-any-return]
        if prefer is not None:
            fitting.sort(key=lambda socket: socket.host != prefer.host)
        return fitting[0].flow_to(address) if fitting else None

    def rescan(self) -> tuple[list[Any], list[Any]]:
        """Addresses do not change here."""
        return [], []

    def close(self) -> Deferred[None]:
        """Close all sockets."""
        for socket in self.sockets:
            socket.stop()
        self.sockets = []
        return succeed(None)
