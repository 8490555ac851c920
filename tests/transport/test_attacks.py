"""Peers on real sockets that lie, stall, or never stop."""

from __future__ import annotations

import random
import socket as sockets
from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from sipexpress.server.server import Server
from sipexpress.transport.connections import Limits
from sipexpress.transport.resolve import numeric
from tests.routers import Plain
from tests.transport.receiver import message
from tests.transport.tcp_case import Steps, TcpCase, reactor


class StreamTests(TcpCase):
    """TCP peers that mean no good."""

    @inlineCallbacks
    def test_line_ends_do_not_hide_a_slow_message(self) -> Steps:
        """Whatever stands before it, a message that has begun has to end in time."""
        self.serve(message_timeout=10, lifetime=60)
        for number, before in enumerate((b"\r" * 8, b"\n" * 20, b"\r\n\r" + b"\r\n" * 3 + b"\r")):
            slow = yield self.connect()
            slow.transport.write(before + message(1)[:20])
            yield self.turn()
            for at in range(20, 60):
                slow.transport.write(message(1)[at : at + 1])
                yield self.turn()
                self.sweep(1)
                if len(self.receiver.gone) > number:
                    break
            yield slow.ended()
        self.assertEqual(self.receiver.messages, [])

    @inlineCallbacks
    def test_a_flood_of_keep_alives(self) -> Steps:
        """Each is answered with half its bytes; another peer is served all the while."""
        flood = yield self.connect()
        good = yield self.connect()
        count = 50_000
        flood.transport.write(b"\r\n\r\n" * count)
        good.transport.write(message(1))
        yield self.receiver.has(1)
        yield flood.until(lambda: len(flood.data) == 2 * count)
        self.assertEqual(flood.data.strip(b"\r\n"), b"")
        self.assertEqual(len(self.connections), 2)

    @inlineCallbacks
    def test_a_flood_of_keep_alives_by_a_peer_that_does_not_read(self) -> Steps:
        deaf = yield self.connect()
        (flow,) = self.connections.of(self.socket)
        deaf.transport.pauseProducing()
        connection: Any = flow.connection
        for _ in range(400):
            deaf.transport.write(b"\r\n\r\n" * 20_000)
            yield self.turn()
            if connection.paused:
                break
        for _ in range(20):
            yield self.turn()
        self.assertLess(flow.waiting_size, 1024 * 1024 + 1)
        deaf.transport.abortConnection()
        yield self.receiver.until(lambda: bool(self.receiver.gone))

    @inlineCallbacks
    def test_half_messages_leave_nothing(self) -> Steps:
        for _ in range(20):
            peer = yield self.connect()
            peer.transport.write(message(1, b"x" * 500)[:-100])
            yield self.turn()
            peer.transport.abortConnection()
            yield peer.ended()
        yield self.receiver.until(lambda: len(self.receiver.gone) == 20)
        self.assertEqual((len(self.connections), self.receiver.messages), (0, []))
        self.assertEqual(self.connections._per_host, {})
        self.assertEqual((self.connections._by_address, self.connections._names), ({}, {}))

    def test_connections_of_ours_to_one_address(self) -> None:
        """A phone with many ports that answer nothing must not take the connections of all others."""
        self.serve(max_per_address=5, max_connections=100)
        flows: list[Any] = [self.socket.flow_to(("127.0.0.9", 1000 + number)) for number in range(20)]
        self.assertEqual([flow.connected for flow in flows], [True] * 5 + [False] * 15)
        self.assertEqual((len(self.connections), self.connections.refused), (5, 15))
        self.assertTrue(self.connections.may_accept("127.0.0.8"))
        for flow in flows:
            flow.close("the test ends")
        self.assertEqual(self.connections._per_host, {})

    @inlineCallbacks
    def test_a_receiver_that_raises_ends_no_connection(self) -> Steps:
        def answer(data: bytes, flow: Any) -> None:
            if data == message(1):
                raise ValueError("no")

        self.receiver.answer = answer
        peer = yield self.connect()
        peer.transport.write(message(1) + message(2))
        yield self.receiver.has(2)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertFalse(peer.lost)


class NumericTests(TestCase):
    def test_what_is_an_address(self) -> None:
        for host in (
            "127.1",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "2130706433",
            "::1%lo",
            "[fe80::1%eth0]",
            "1.2.3.4.",
            "",
            "%",
        ):
            self.assertIsNone(numeric(host), host)
        self.assertEqual(numeric("[2001:DB8:0::5]"), "2001:db8::5")


class ServerTests(TestCase):
    """A whole server on loopback, and noise."""

    timeout = 60

    def setUp(self) -> Any:
        self.server = Server(Plain, reactor, listen=["udp:127.0.0.1:0", "tcp:127.0.0.1:0"], secret=b"test" * 8, drain=0)
        return self.server.startService().addCallback(self.listening)

    def listening(self, result: object) -> None:
        self.udp, self.tcp = (socket.port for socket in self.server.sockets)

    def tearDown(self) -> Any:
        return self.server.stopService()

    def options(self, protocol: str, port: int) -> bytes:
        return (
            f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/{protocol} 127.0.0.1;branch=z9hG4bKgood;rport\r\n"
            "From: <sip:a@b>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: good\r\nCSeq: 1 OPTIONS\r\n"
            "Content-Length: 0\r\n\r\n"
        ).encode()

    @inlineCallbacks
    def test_noise_over_udp(self) -> Steps:
        chance = random.Random(1)
        good = self.options("UDP", self.udp)
        with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            peer.setblocking(False)
            for number in range(600):
                noise = bytearray(good if number % 2 else chance.randbytes(chance.randrange(1, 1200)))
                for _ in range(chance.randrange(1, 6)):
                    noise[chance.randrange(len(noise))] = chance.randrange(256)
                peer.sendto(bytes(noise), ("127.0.0.1", self.udp))
                if not number % 50:
                    yield deferLater(reactor, 0, lambda: None)
            peer.sendto(b"x" * 65_000, ("127.0.0.1", self.udp))
            peer.sendto(good, ("127.0.0.1", self.udp))
            data = b""
            while b"Call-ID: good" not in data or not data.startswith(b"SIP/2.0 200"):
                try:
                    data = peer.recv(65_535)
                except BlockingIOError:
                    yield deferLater(reactor, 0.001, lambda: None)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertGreater(self.server.counters["malformed"], 300)

    @inlineCallbacks
    def test_noise_over_tcp(self) -> Steps:
        chance = random.Random(2)
        good = self.options("TCP", self.tcp)
        for number in range(60):
            noise = bytearray(good * 3 if number % 2 else chance.randbytes(chance.randrange(1, 40_000)))
            for _ in range(chance.randrange(1, 6)):
                noise[chance.randrange(len(noise))] = chance.randrange(256)
            with sockets.create_connection(("127.0.0.1", self.tcp)) as peer:
                peer.sendall(bytes(noise))
                yield deferLater(reactor, 0, lambda: None)
        with sockets.create_connection(("127.0.0.1", self.tcp)) as peer:
            peer.sendall(good)
            peer.setblocking(False)
            data = b""
            while not data.startswith(b"SIP/2.0 200"):
                try:
                    data += peer.recv(65_535)
                except BlockingIOError:
                    yield deferLater(reactor, 0.001, lambda: None)
        self.assertEqual(self.flushLoggedErrors(), [])
        while len(self.server.network.connections):
            yield deferLater(reactor, 0.001, lambda: None)

    @inlineCallbacks
    def test_a_forged_icmp_error_ends_nothing(self) -> Steps:
        """One counts only with the branch of a live transaction, and for its peer (RFC 5927)."""
        yield deferLater(reactor, 0, lambda: None)
        with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as phone:
            phone.bind(("127.0.0.1", 0))
            phone.setblocking(False)
            port = phone.getsockname()[1]
            request = self.options("UDP", self.udp).replace(
                b"OPTIONS sip:127.0.0.1:%d" % self.udp, b"OPTIONS sip:x@127.0.0.1:%d" % port
            )
            phone.sendto(request, ("127.0.0.1", self.udp))
            while not self.server.clients.count:
                yield deferLater(reactor, 0.001, lambda: None)
            (machine,) = self.server.clients
            flow: Any = machine.flow
            for forged in (
                machine.sent.replace(machine.key, b"z9hG4bK0-0123456789abcdef"),
                machine.sent[:10],
                b"\r\nVia: " + b";branch=" * 50,
                b"SIP/2.0 200 OK" + machine.sent[machine.sent.index(b"\r\n") :],
            ):
                self.server.send_failed(flow, forged, "unreachable")
            self.server.send_failed(flow.socket.flow_to(("127.0.0.1", port ^ 1)), machine.sent, "unreachable")
            self.assertEqual(self.server.clients.count, 1)
            self.server.send_failed(flow, machine.sent, "unreachable")
            self.assertEqual(self.server.clients.count, 0)

    def test_limits_are_passed_on(self) -> None:
        limits: Limits = self.server.network.connections.limits
        self.assertEqual((limits.max_connections, limits.max_per_address), (16_384, 1_024))
