"""TCP connections: used again, found by other names, limited, swept, and missed when they are gone."""

from __future__ import annotations

import socket as sockets

from twisted.internet.defer import inlineCallbacks

from tests.transport.receiver import closed_port, message
from tests.transport.tcp_case import Steps, TcpCase

RESPONSE = b"SIP/2.0 200 OK"


class ReuseTests(TcpCase):
    """One connection for everything between two places (RFC 3261 18.1.1, RFC 5923)."""

    @inlineCallbacks
    def test_what_is_sent_while_connecting_arrives_in_order(self) -> Steps:
        flow = self.socket.flow_to((self.host, self.listen()))
        for number in range(5):
            flow.send(message(number))
        yield self.accepted()
        yield self.peers[0].has(b"".join(message(number) for number in range(5)))
        self.peers[0].transport.write(message(9))
        yield self.receiver.has(1)
        self.assertIs(self.receiver.flows[0], flow)

    @inlineCallbacks
    def test_the_connection_leaves_from_the_sockets_own_address(self) -> Steps:
        self.socket.flow_to((self.host, self.listen())).send(message(1))
        yield self.accepted()
        self.assertEqual(self.peers[0].transport.getPeer().host, self.host)

    @inlineCallbacks
    def test_a_second_flow_is_the_first(self) -> Steps:
        port = self.listen()
        flow = self.socket.flow_to((self.host, port))
        self.assertIs(self.socket.flow_to((self.host, port)), flow)
        yield self.accepted()
        self.assertIs(self.socket.flow_to((self.host, port)), flow)
        self.socket.flow_to((self.host, port)).send(message(1))
        yield self.peers[0].has(message(1))
        self.assertEqual((len(self.peers), len(self.connections)), (1, 1))

    @inlineCallbacks
    def test_a_connection_that_the_peer_made_is_used_back(self) -> Steps:
        peer = yield self.connect()
        flow = self.socket.flow_to((self.host, peer.transport.getHost().port))
        flow.send(message(1))
        yield peer.has(message(1))
        self.assertEqual(len(self.connections), 1)

    @inlineCallbacks
    def test_an_alias_leads_to_the_connection(self) -> Steps:
        peer = yield self.connect()
        peer.transport.write(message(1))
        yield self.receiver.has(1)
        self.receiver.flows[0].alias(5060)
        self.assertIs(self.socket.flow_to((self.host, 5060)), self.receiver.flows[0])
        self.assertIs(self.connections.find((self.host, 5060)), self.receiver.flows[0])
        peer.transport.loseConnection()
        yield self.receiver.until(lambda: bool(self.receiver.gone))
        self.assertIsNone(self.connections.find((self.host, 5060)))

    @inlineCallbacks
    def test_an_alias_takes_no_other_connections_place(self) -> Steps:
        port = self.listen()
        ours = self.socket.flow_to((self.host, port))
        yield self.accepted()
        peer = yield self.connect()
        peer.transport.write(message(1))
        yield self.receiver.has(1)
        self.receiver.flows[0].alias(port)
        self.assertIs(self.connections.find((self.host, port)), ours)

    @inlineCallbacks
    def test_aliases_are_few(self) -> Steps:
        peer = yield self.connect()
        peer.transport.write(message(1))
        yield self.receiver.has(1)
        for port in range(5000, 5100):
            self.receiver.flows[0].alias(port)
        found = [port for port in range(5000, 5100) if self.connections.find((self.host, port)) is not None]
        self.assertTrue(0 < len(found) < 10, found)

    @inlineCallbacks
    def test_a_closed_connection_is_not_used_again(self) -> Steps:
        port = self.listen()
        first = self.socket.flow_to((self.host, port))
        yield self.accepted()
        self.peers[0].transport.loseConnection()
        yield self.receiver.until(lambda: self.receiver.gone == [first])
        second = self.socket.flow_to((self.host, port))
        self.assertIsNot(second, first)
        second.send(message(1))
        yield self.accepted(2)
        yield self.peers[1].has(message(1))


class GoneTests(TcpCase):
    """What cannot be sent is told, later and once."""

    @inlineCallbacks
    def test_refused(self) -> Steps:
        flow = self.socket.flow_to((self.host, closed_port(sockets.SOCK_STREAM)))
        flow.send(message(1))
        flow.send(message(2))
        yield self.receiver.failed(2)
        self.assertEqual(
            [(each, data) for each, data, _ in self.receiver.failures], [(flow, message(1)), (flow, message(2))]
        )
        self.assertIn("refused", self.receiver.failures[0][2].lower())
        self.assertEqual((self.receiver.gone, len(self.connections)), ([flow], 0))

    @inlineCallbacks
    def test_no_answer(self) -> Steps:
        self.serve(connect_timeout=0.1)
        flow = self.socket.flow_to((self.host, self.deaf_port()))
        flow.send(message(1))
        yield self.receiver.failed(1)
        self.assertEqual((self.receiver.failures[0][:2], self.receiver.gone), ((flow, message(1)), [flow]))

    @inlineCallbacks
    def test_a_request_after_the_end(self) -> Steps:
        peer = yield self.connect()
        peer.transport.write(message(1))
        yield self.receiver.has(1)
        flow = self.receiver.flows[0]
        flow.reply_port = self.listen()
        peer.transport.loseConnection()
        yield self.receiver.until(lambda: bool(self.receiver.gone))
        flow.send(message(2))
        self.assertEqual(self.receiver.failures, [])
        yield self.receiver.failed(1)
        self.assertEqual(self.receiver.failures, [(flow, message(2), "the connection is closed")])

    @inlineCallbacks
    def test_a_reply_after_the_end_goes_where_the_peer_listens(self) -> Steps:
        peer = yield self.connect()
        peer.transport.write(message(1))
        yield self.receiver.has(1)
        flow = self.receiver.flows[0]
        flow.reply_port = self.listen()
        peer.transport.loseConnection()
        yield self.receiver.until(lambda: bool(self.receiver.gone))
        flow.send(message(2, first=RESPONSE))
        yield self.accepted(2)
        yield self.peers[1].has(message(2, first=RESPONSE))
        self.assertEqual(self.receiver.failures, [])

    @inlineCallbacks
    def test_a_reply_without_such_a_port(self) -> Steps:
        peer = yield self.connect()
        peer.transport.write(message(1))
        yield self.receiver.has(1)
        peer.transport.loseConnection()
        yield self.receiver.until(lambda: bool(self.receiver.gone))
        self.receiver.flows[0].send(message(2, first=RESPONSE))
        yield self.receiver.failed(1)

    @inlineCallbacks
    def test_the_peer_resets(self) -> Steps:
        peer = yield self.connect()
        peer.transport.write(message(1))
        yield self.receiver.has(1)
        peer.transport.abortConnection()
        yield self.receiver.until(lambda: bool(self.receiver.gone))
        self.assertEqual((self.receiver.gone, len(self.connections)), (self.receiver.flows, 0))
        self.receiver.flows[0].close("again")
        self.assertEqual(len(self.receiver.gone), 1)

    @inlineCallbacks
    def test_the_socket_stops(self) -> Steps:
        peer = yield self.connect()
        port = self.listen()
        flow = self.socket.flow_to((self.host, port))
        yield self.accepted(2)
        yield self.socket.stop()
        yield peer.ended()
        yield self.peers[1].ended()
        self.assertFalse(flow.connected)  # type: ignore[attr-defined]
        self.assertEqual((len(self.receiver.gone), len(self.connections)), (2, 0))

    @inlineCallbacks
    def test_the_socket_stops_while_it_connects(self) -> Steps:
        # trial finds what is left in the reactor.
        flow = self.socket.flow_to((self.host, self.deaf_port()))
        flow.send(message(1))
        yield self.socket.stop()
        yield self.receiver.failed(1)
        self.assertEqual((self.receiver.gone, len(self.connections)), ([flow], 0))
