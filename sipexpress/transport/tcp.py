"""TCP: framed messages, connections that are used again, limits (RFC 3261 18, RFC 5923)."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from sipexpress.sip.frame import PING, Framer
from sipexpress.transport.connections import Connections
from sipexpress.transport.flow import Address, Flow
from sipexpress.transport.listen import Socket

SEND_QUEUE = 1024 * 1024
"""Bytes that may wait for a peer that does not read; beyond, the connection is closed."""


class StreamFlow(Flow):
    """A peer over one TCP connection."""

    __slots__ = ("attempt", "connected", "connection", "reply_port", "waiting", "waiting_size")

    protocol = "TCP"
    reliable = True

    def __init__(self, socket: TcpSocket, address: Address) -> None:
        super().__init__(socket, address)
        self.connected = True
        """False once the connection is closed or could not be made."""
        self.connection: Connection | None = None
        self.attempt: Deferred[Any] | None = None
        """While a connection of ours is being made."""
        self.reply_port = 0
        """Where the peer listens, by its Via: for replies after the connection is gone (18.2.2)."""
        self.waiting: list[bytes] = []
        self.waiting_size = 0

    def send(self, data: bytes) -> None:
        """Send one message, once the connection is made."""
        socket: Any = self.socket
        if not self.connected:
            if self.reply_port and data.startswith(b"SIP/2.0 "):
                socket.flow_to((self.address[0], self.reply_port)).send(data)
            else:
                socket.tell(self, [data], "the connection is closed")
            return
        connection = self.connection
        if connection is not None and not connection.paused:
            connection.transport.write(data)  # type: ignore[union-attr]
            return
        self.waiting.append(data)
        self.waiting_size += len(data)
        if self.waiting_size > SEND_QUEUE:
            self.close("the peer does not read")

    def flush(self) -> None:
        """Write what has waited."""
        waiting, self.waiting = self.waiting, []
        self.waiting_size = 0
        if self.connection is not None:
            self.connection.transport.write(b"".join(waiting))  # type: ignore[union-attr]

    def close(self, reason: str) -> None:
        """Close the connection now; what waited has failed."""
        if not self.connected:
            return
        self.connected = False
        waiting, self.waiting = self.waiting, []
        self.waiting_size = 0
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.flow = None
            connection.transport.abortConnection()  # type: ignore[union-attr]
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            attempt.cancel()
        socket: Any = self.socket
        socket.connections.forget(self)
        socket.tell(self, waiting, reason)
        socket.receiver.closed(self)

    def alias(self, port: int) -> None:
        """Requests to `port` of the peer use this connection too (RFC 5923)."""
        socket: Any = self.socket
        socket.connections.alias(self, port)


@implementer(IPushProducer)
class Connection(Protocol):
    """The Twisted side of one connection."""

    def __init__(self, socket: TcpSocket, flow: StreamFlow | None) -> None:
        self.socket = socket
        self.flow = flow
        self.framer = Framer()
        self.paused = False
        self.active = 0.0
        """When something came last."""
        self.begun = 0.0
        """When the message that is not complete yet began; 0 = none."""

    def connectionMade(self) -> None:
        """Take part in the table, or leave when that is full."""
        transport: Any = self.transport
        peer = transport.getPeer()
        self.active = self.socket.connections.seconds()
        if self.flow is None:
            address = (peer.host, peer.port)
            if not self.socket.connections.may_accept(address[0]):
                transport.abortConnection()
                return
            self.flow = StreamFlow(self.socket, address)
            self.socket.connections.add(self.flow)
        flow = self.flow
        if not flow.connected:
            self.flow = None
            transport.abortConnection()
            return
        flow.connection = self
        flow.attempt = None
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        transport.registerProducer(self, True)
        if not self.paused:
            flow.flush()

    def dataReceived(self, data: bytes) -> None:
        """Cut the stream into messages."""
        flow = self.flow
        if flow is None:
            return
        now = self.active = self.socket.connections.seconds()
        messages = self.framer.feed(data)
        received = self.socket.receiver.received
        for message in messages:
            if message == PING:
                flow.send(b"\r\n")
            else:
                try:
                    received(message, flow)
                except Exception:
                    self.socket.connections.log.failure("a message from {peer} could not be handled", peer=flow.address)
        if self.framer.damage:
            flow.close(self.framer.damage)
        elif not self.framer.partial:
            self.begun = 0.0
        elif messages or not self.begun:
            self.begun = now

    def connectionLost(self, reason: Any = None) -> None:
        """The peer or the network closed it."""
        flow, self.flow = self.flow, None
        if flow is not None:
            flow.close("the connection was lost")

    # IPushProducer: the peer does not read, so neither do we.

    def pauseProducing(self) -> None:
        """The write buffer is full."""
        self.paused = True
        self.transport.pauseProducing()  # type: ignore[union-attr]

    def resumeProducing(self) -> None:
        """There is room again."""
        self.paused = False
        self.transport.resumeProducing()  # type: ignore[union-attr]
        if self.flow is not None and self.flow.waiting:
            self.flow.flush()

    def stopProducing(self) -> None:
        """The connection ends; connectionLost tells."""


class TcpSocket(Socket):
    """One listening TCP socket and the connections that belong to it."""

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        receiver: Any,
        advertised: tuple[str, int | None] | None,
        connections: Connections,
    ) -> None:
        self._reactor = reactor
        self.connections = connections
        factory = Factory.forProtocol(lambda: Connection(self, None))
        factory.noisy = False
        self._port = reactor.listenTCP(port, factory, backlog=1024, interface=host)
        super().__init__("TCP", host, self._port.getHost().port, receiver, advertised)

    def flow_to(self, address: Address) -> Flow:
        """The connection to a peer: the one there is, or a new one."""
        flow = self.connections.find(address)
        if flow is None:
            flow = StreamFlow(self, address)
            if not self.connections.may_connect(address[0]):
                flow.connected = False
                return flow
            self.connections.add(flow)
            self._connect(flow)
        return flow

    def _connect(self, flow: StreamFlow) -> None:
        kind = TCP6ClientEndpoint if self.ipv6 else TCP4ClientEndpoint
        endpoint = kind(
            self._reactor,
            *flow.address,
            timeout=self.connections.limits.connect_timeout,
            bindAddress=(self.host, 0),
        )
        factory = Factory.forProtocol(lambda: Connection(self, flow))
        factory.noisy = False
        attempt = flow.attempt = endpoint.connect(factory)
        attempt.addErrback(lambda failure: flow.close(failure.getErrorMessage()))

    def tell(self, flow: Flow, messages: list[bytes], reason: str) -> None:
        """The receiver learns later, so that no machine is told while it starts."""
        for data in messages:
            self._reactor.callLater(0, self.receiver.send_failed, flow, data, reason)

    def stop(self) -> Any:
        """Stop listening and close the connections."""
        for flow in self.connections.of(self):
            flow.close("the server stops")
        return self._port.stopListening()
