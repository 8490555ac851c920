"""The base of the TCP tests: a TcpSocket on loopback, and peers of it."""

from __future__ import annotations

import socket as sockets
from collections.abc import Generator
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from sipexpress.transport.connections import Connections, Limits
from sipexpress.transport.tcp import TcpSocket
from tests.transport.receiver import Peer, Receiver

reactor: Any = _reactor
Steps = Generator[Any, Any, None]


class TcpCase(TestCase):
    """The sockets are real; the clock of idle and slow connections is moved by hand."""

    timeout = 20
    host = "127.0.0.1"

    def setUp(self) -> None:
        self.receiver = Receiver()
        self.clock = Clock()
        self.clock.advance(1000)
        self.peers: list[Peer] = []
        self.serve()

    def serve(self, **limits: Any) -> None:
        """Listen, with other limits."""
        self.connections = Connections(self.clock, Limits(**limits))
        self.socket = TcpSocket(reactor, self.host, 0, self.receiver, None, self.connections)
        self.addCleanup(self._end, self.socket, self.connections)

    def _end(self, socket: TcpSocket, connections: Connections) -> Deferred[Any]:
        connections.stop()
        stopped = maybeDeferred(socket.stop)
        for peer in self.peers:
            if peer.transport is not None and not peer.lost:
                peer.transport.abortConnection()
        return gatherResults([stopped, *(peer.ended() for peer in self.peers if peer.transport is not None)])

    @inlineCallbacks
    def connect(self) -> Generator[Any, Any, Peer]:
        """A peer that has connected, and is known to the table."""
        kind = TCP6ClientEndpoint if ":" in self.host else TCP4ClientEndpoint
        before = len(self.connections) + self.connections.refused
        peer: Peer = yield kind(reactor, self.host, self.socket.port).connect(Factory.forProtocol(self._peer))
        while len(self.connections) + self.connections.refused == before:
            yield self.turn()
        return peer

    def _peer(self) -> Peer:
        peer = Peer()
        self.peers.append(peer)
        return peer

    def listen(self) -> int:
        """A listening peer; its port."""
        port = reactor.listenTCP(0, Factory.forProtocol(self._peer), interface=self.host)
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)

    @inlineCallbacks
    def accepted(self, count: int = 1) -> Steps:
        """Wait until so many connections were made."""
        while len(self.peers) < count or self.peers[count - 1].transport is None:
            yield self.turn()

    def turn(self) -> Deferred[None]:
        """One turn of the reactor."""
        return deferLater(reactor, 0, lambda: None)

    def sweep(self, seconds: float) -> None:
        """Time passes for the table of connections, from sweep to sweep."""
        self.clock.pump([1.0] * int(seconds))

    def deaf_port(self) -> int:
        """A port that answers no further connection: its queue is full."""
        deaf = sockets.socket()
        self.addCleanup(deaf.close)
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = int(deaf.getsockname()[1])
        for _ in range(2):
            filler = sockets.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        return port
