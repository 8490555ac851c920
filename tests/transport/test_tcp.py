"""TCP over real sockets: messages out of a stream, and back."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.trial.unittest import SkipTest

from tests.transport.receiver import has_ipv6, message
from tests.transport.tcp_case import Steps, TcpCase


class FramingTests(TcpCase):
    """However the bytes come, messages come out."""

    @inlineCallbacks
    def test_there_and_back(self) -> Steps:
        self.receiver.answer = lambda data, flow: flow.send(b"re: " + data)
        peer = yield self.connect()
        peer.transport.write(message(1))
        yield peer.has(b"re: " + message(1))
        flow = self.receiver.flows[0]
        here = peer.transport.getHost()
        self.assertEqual((flow.address, flow.protocol, flow.reliable), ((here.host, here.port), "TCP", True))
        self.assertIs(flow.socket, self.socket)

    @inlineCallbacks
    def test_many_at_once(self) -> Steps:
        peer = yield self.connect()
        sent = [message(number, b"x" * number) for number in range(200)]
        peer.transport.write(b"".join(sent))
        yield self.receiver.has(200)
        self.assertEqual(self.receiver.messages, sent)

    @inlineCallbacks
    def test_byte_by_byte(self) -> Steps:
        peer = yield self.connect()
        peer.transport.setTcpNoDelay(True)
        data = message(1, b"body") + message(2)
        for at in range(len(data)):
            peer.transport.write(data[at : at + 1])
            yield self.turn()
        yield self.receiver.has(2)
        self.assertEqual(self.receiver.messages, [message(1, b"body"), message(2)])

    @inlineCallbacks
    def test_a_message_and_a_half(self) -> Steps:
        peer = yield self.connect()
        whole = message(2, b"second")
        peer.transport.write(message(1) + whole[:20])
        yield self.receiver.has(1)
        self.assertEqual(self.receiver.messages, [message(1)])
        peer.transport.write(whole[20:])
        yield self.receiver.has(2)
        self.assertEqual(self.receiver.messages[1], whole)

    @inlineCallbacks
    def test_connections_do_not_mix(self) -> Steps:
        one = yield self.connect()
        two = yield self.connect()
        one.transport.write(message(1, b"one")[:30])
        two.transport.write(message(2, b"two")[:30])
        one.transport.write(message(1, b"one")[30:])
        yield self.receiver.has(1)
        two.transport.write(message(2, b"two")[30:])
        yield self.receiver.has(2)
        self.assertEqual(self.receiver.messages, [message(1, b"one"), message(2, b"two")])
        self.assertIsNot(self.receiver.flows[0], self.receiver.flows[1])

    @inlineCallbacks
    def test_a_ping_is_answered(self) -> Steps:
        peer = yield self.connect()
        peer.transport.write(b"\r\n\r\n")
        yield peer.has(b"\r\n")
        peer.transport.write(b"\r\n\r\n\r\n\r\n")
        yield peer.has(b"\r\n" * 3)
        self.assertEqual(self.receiver.messages, [])

    @inlineCallbacks
    def test_a_lone_line_end_is_not(self) -> Steps:
        self.receiver.answer = lambda data, flow: flow.send(b"seen")
        peer = yield self.connect()
        peer.transport.write(b"\r\n" + message(1) + b"\r\n")
        yield peer.has(b"seen")
        peer.transport.write(message(2))
        yield peer.has(b"seenseen")
        self.assertEqual(self.receiver.messages, [message(1), message(2)])

    @inlineCallbacks
    def test_pings_between_messages(self) -> Steps:
        self.receiver.answer = lambda data, flow: flow.send(b"seen")
        peer = yield self.connect()
        peer.transport.write(message(1) + b"\r\n\r\n" + message(2))
        yield peer.has(b"seen\r\nseen")
        self.assertEqual(self.receiver.messages, [message(1), message(2)])

    @inlineCallbacks
    def test_what_cannot_be_cut_ends_the_connection(self) -> Steps:
        bare = b"OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n"
        for number, data in enumerate(
            (
                bare + b"\r\n",
                bare + b"Content-Length: x\r\n\r\n",
                bare + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
                bare + b"Content-Length: 99999999\r\n\r\n",
                bare + b"X: " + b"x" * 40_000,
            )
        ):
            peer = yield self.connect()
            peer.transport.write(data)
            yield peer.ended()
            self.assertEqual(len(self.receiver.gone), number + 1)
        self.assertEqual(self.receiver.messages, [])
        self.assertEqual(len(self.connections), 0)

    @inlineCallbacks
    def test_a_message_that_cannot_be_handled_harms_no_other(self) -> Steps:
        def broken(data: bytes, flow: Any) -> None:
            if data == message(2):
                raise ZeroDivisionError

        self.receiver.answer = broken
        peer = yield self.connect()
        peer.transport.write(message(1) + message(2) + message(3))
        yield self.receiver.has(3)
        peer.transport.write(message(4))
        yield self.receiver.has(4)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    @inlineCallbacks
    def test_closed_by_what_it_received(self) -> Steps:
        self.receiver.answer = lambda data, flow: flow.close("enough")
        peer = yield self.connect()
        peer.transport.write(message(1))
        yield peer.ended()
        self.assertEqual(self.receiver.gone, self.receiver.flows[:1])

    @inlineCallbacks
    def test_what_came_before_the_damage_is_served(self) -> Steps:
        peer = yield self.connect()
        peer.transport.write(message(1) + message(2) + b"OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n")
        yield peer.ended()
        self.assertEqual(self.receiver.messages, [message(1), message(2)])


class Framing6Tests(FramingTests):
    """The same over IPv6."""

    host = "::1"

    def setUp(self) -> None:
        if not has_ipv6():
            raise SkipTest("no IPv6 here")
        super().setUp()
