"""What a server bears of its TCP peers: limits, slow and idle connections, peers that do not read."""

from __future__ import annotations

import socket as sockets
from typing import Any

from twisted.internet.defer import inlineCallbacks

from sipexpress.transport.tcp import SEND_QUEUE
from tests.transport.receiver import closed_port, message
from tests.transport.tcp_case import Steps, TcpCase


class LimitTests(TcpCase):
    """Nothing is unbounded."""

    @inlineCallbacks
    def test_connections_from_one_address(self) -> Steps:
        self.serve(max_per_address=3)
        for _ in range(3):
            yield self.connect()
        refused = yield self.connect()
        yield refused.ended()
        self.assertEqual((len(self.connections), self.connections.refused), (3, 1))
        self.assertFalse(any(peer.lost for peer in self.peers[:3]))
        self.peers[0].transport.loseConnection()
        yield self.receiver.until(lambda: len(self.connections) == 2)
        again = yield self.connect()
        again.transport.write(message(1))
        yield self.receiver.has(1)

    @inlineCallbacks
    def test_connections_in_all(self) -> Steps:
        self.serve(max_connections=2)
        yield self.connect()
        flow = self.socket.flow_to((self.host, self.listen()))
        yield self.accepted(2)
        refused = yield self.connect()
        yield refused.ended()
        self.assertEqual((len(self.connections), self.connections.refused), (2, 1))
        other = self.socket.flow_to((self.host, closed_port(sockets.SOCK_STREAM)))
        other.send(message(1))
        yield self.receiver.failed(1)
        self.assertEqual(self.receiver.failures[0][:2], (other, message(1)))
        self.assertEqual((len(self.connections), self.connections.refused), (2, 2))
        self.assertTrue(flow.connected)  # type: ignore[attr-defined]

    @inlineCallbacks
    def test_a_message_that_is_not_completed(self) -> Steps:
        self.serve(message_timeout=10, lifetime=60)
        slow = yield self.connect()
        quick = yield self.connect()
        slow.transport.write(message(1)[:20])
        quick.transport.write(message(2))
        yield self.receiver.has(1)
        # A byte from time to time is traffic, but completes nothing.
        for at in range(20, 32):
            yield self.seen(slow, message(1)[at : at + 1])
            self.sweep(2)
            if self.receiver.gone:
                break
        yield slow.ended()
        self.assertEqual((quick.lost, len(self.receiver.messages)), (False, 1))

    @inlineCallbacks
    def test_a_slow_message_in_time(self) -> Steps:
        self.serve(message_timeout=10, lifetime=60)
        peer = yield self.connect()
        for number in range(4):
            yield self.seen(peer, message(number)[:20])
            self.sweep(8)
            peer.transport.write(message(number)[20:])
            yield self.receiver.has(number + 1)
            self.sweep(8)
        self.assertFalse(peer.lost)

    @inlineCallbacks
    def test_an_idle_connection(self) -> Steps:
        self.serve(lifetime=30)
        idle = yield self.connect()
        busy = yield self.connect()
        for number in range(4):
            busy.transport.write(message(number))
            yield self.receiver.has(number + 1)
            self.sweep(10)
        yield idle.ended()
        self.assertEqual((busy.lost, len(self.connections)), (False, 1))
        self.sweep(40)
        yield busy.ended()
        self.assertEqual(len(self.connections), 0)

    @inlineCallbacks
    def test_pings_keep_a_connection(self) -> Steps:
        self.serve(lifetime=30)
        peer = yield self.connect()
        for number in range(6):
            peer.transport.write(b"\r\n\r\n")
            yield peer.has(b"\r\n" * (number + 1))
            self.sweep(20)
        self.assertFalse(peer.lost)

    @inlineCallbacks
    def test_no_sweep_is_left_when_nothing_is(self) -> Steps:
        peer = yield self.connect()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        peer.transport.loseConnection()
        yield self.receiver.until(lambda: bool(self.receiver.gone))
        self.sweep(10)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        yield self.connect()
        self.connections.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @inlineCallbacks
    def test_a_peer_that_never_reads(self) -> Steps:
        deaf = yield self.connect()
        good = yield self.connect()
        for peer in (deaf, good):
            peer.transport.write(message(1))
        yield self.receiver.has(2)
        flows = {flow.address[1]: flow for flow in self.receiver.flows}
        to_deaf, to_good = (flows[peer.transport.getHost().port] for peer in (deaf, good))
        deaf.transport.pauseProducing()
        data, sent = message(2, b"x" * 60_000), 0
        while to_deaf.connected and sent < 1000:
            to_deaf.send(data)
            to_good.send(data)
            sent += 1
            yield self.turn()
        self.assertFalse(to_deaf.connected)
        yield self.receiver.until(lambda: bool(self.receiver.failures))
        self.assertEqual(
            {(flow, reason) for flow, _, reason in self.receiver.failures}, {(to_deaf, "the peer does not read")}
        )
        self.assertEqual(self.receiver.gone, [to_deaf])
        yield good.until(lambda: len(good.data) == sent * len(data))
        deaf.transport.resumeProducing()
        yield deaf.ended()

    @inlineCallbacks
    def test_what_waits_for_a_connection_is_limited_too(self) -> Steps:
        flow: Any = self.socket.flow_to((self.host, self.deaf_port()))
        data, sent = message(1, b"x" * 60_000), 0
        while flow.connected and sent < 1000:
            flow.send(data)
            sent += 1
        self.assertLess(sent * len(data), SEND_QUEUE + 2 * len(data))
        yield self.receiver.failed(sent)
        self.assertEqual(self.receiver.gone, [flow])

    @inlineCallbacks
    def test_a_peer_that_reads_late_misses_nothing(self) -> Steps:
        peer = yield self.connect()
        peer.transport.write(message(1))
        yield self.receiver.has(1)
        flow = self.receiver.flows[0]
        peer.transport.pauseProducing()
        data = [message(number, b"x" * 50_000) for number in range(15)]
        for each in data:
            flow.send(each)
            yield self.turn()
        peer.transport.resumeProducing()
        yield peer.until(lambda: len(peer.data) == len(b"".join(data)))
        self.assertEqual(peer.data, b"".join(data))
        peer.transport.write(message(2))
        yield self.receiver.has(2)

    @inlineCallbacks
    def seen(self, peer: Any, data: bytes) -> Steps:
        """Send part of a message, and wait until the other end has it."""
        (flow,) = (
            each for each in self.connections.of(self.socket) if each.address[1] == peer.transport.getHost().port
        )
        connection: Any = flow.connection
        before = connection.framer.partial, connection.active
        peer.transport.write(data)
        for _ in range(50):
            yield self.turn()
            if (connection.framer.partial, connection.active) != before:
                break
