"""Keep-alives and framing at a whole server on real sockets (RFC 3261 7.5, 18.3; RFC 5626 4.4.1)."""

from __future__ import annotations

import socket as sockets
from collections.abc import Generator
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from sipexpress.server.server import Server
from tests.routers import Plain

reactor: Any = _reactor
Steps = Generator[Any, Any, None]


def options(number: int, protocol: str, port: int) -> bytes:
    """A request that the server answers 200."""
    return (
        f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/{protocol} 127.0.0.1:9;branch=z9hG4bK{number};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:127.0.0.1>\r\n"
        f"Call-ID: {number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


class Peer(Protocol):
    """Keeps what it got."""

    def __init__(self) -> None:
        self.got = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True


class RealCase(TestCase):
    """One server on loopback."""

    timeout = 20

    @inlineCallbacks
    def setUp(self) -> Steps:  # type: ignore[override]
        self.server = Server(
            Plain,
            reactor,
            listen=("udp:127.0.0.1:0", "tcp:127.0.0.1:0"),
            secret=b"test" * 8,
            drain=0,
            log_level="error",
        )
        yield self.server.startService()
        self.addCleanup(self.server.stopService)
        self.udp_port, self.tcp_port = (socket.port for socket in self.server.sockets)

    def turn(self) -> Deferred[None]:
        """One turn of the reactor."""
        return deferLater(reactor, 0, lambda: None)


class UdpTests(RealCase):
    @inlineCallbacks
    def test_four_bytes_and_line_ends_are_absorbed(self) -> Steps:
        phone = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
        self.addCleanup(phone.close)
        phone.setblocking(False)
        server = ("127.0.0.1", self.udp_port)
        for data in (b"\0\0\0\0", b"\r\n", b"\r\n\r\n", b"\0", b"", b"    ", b"jaK\0"):
            phone.sendto(data, server)
        phone.sendto(b"\r\n\r\n" + options(1, "UDP", self.udp_port), server)
        answers: list[bytes] = []
        while not answers:
            yield self.turn()
            try:
                answers.append(phone.recv(4096))
            except BlockingIOError:
                continue
        # The first thing that comes back is the answer to the request.
        self.assertTrue(answers[0].startswith(b"SIP/2.0 200"), answers)
        self.assertEqual(self.server.counters["malformed"], 0)


class TcpTests(RealCase):
    @inlineCallbacks
    def setUp(self) -> Steps:  # type: ignore[override]
        yield super().setUp()
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.tcp_port)
        self.peer: Peer = yield endpoint.connect(Factory.forProtocol(Peer))
        self.addCleanup(self.end)

    @inlineCallbacks
    def end(self) -> Steps:
        self.peer.transport.abortConnection()  # type: ignore[union-attr]
        while not self.peer.lost:
            yield self.turn()

    def write(self, data: bytes) -> None:
        self.peer.transport.write(data)  # type: ignore[union-attr]

    @inlineCallbacks
    def until(self, count: int, what: bytes = b"SIP/2.0 200") -> Steps:
        """Wait until something came so often."""
        while self.peer.got.count(what) < count:
            yield self.turn()

    @inlineCallbacks
    def test_a_double_line_end_is_answered_by_one(self) -> Steps:
        """TRN-11."""
        self.write(b"\r\n\r\n")
        yield self.until(1, b"\r\n")
        self.assertEqual(self.peer.got, b"\r\n")

    @inlineCallbacks
    def test_between_two_requests(self) -> Steps:
        """TRN-12: the pong stands between the answers, and framing is intact."""
        self.write(options(1, "TCP", self.tcp_port) + b"\r\n\r\n" + options(2, "TCP", self.tcp_port))
        yield self.until(2)
        first, second = self.peer.got.split(b"SIP/2.0 200 OK\r\n")[1:]
        self.assertTrue(first.endswith(b"\r\n\r\n\r\n"), first)
        self.assertIn(b"Call-ID: 2", second)

    @inlineCallbacks
    def test_byte_by_byte(self) -> Steps:
        """TRN-06."""
        for byte in options(1, "TCP", self.tcp_port):
            self.write(bytes((byte,)))
            yield self.turn()
        yield self.until(1)
        self.assertEqual(self.peer.got.count(b"SIP/2.0 200"), 1)

    @inlineCallbacks
    def test_ten_in_one_segment(self) -> Steps:
        """TRN-07."""
        self.write(b"".join(options(number, "TCP", self.tcp_port) for number in range(10)))
        yield self.until(10)
        ids = [line for line in self.peer.got.split(b"\r\n") if line.startswith(b"Call-ID")]
        self.assertEqual(ids, [b"Call-ID: %d" % number for number in range(10)])

    @inlineCallbacks
    def test_a_message_without_content_length_ends_the_connection(self) -> Steps:
        """TRN-05."""
        self.write(options(1, "TCP", self.tcp_port).replace(b"Content-Length: 0\r\n", b""))
        while not self.peer.lost:
            yield self.turn()
        self.assertEqual(self.peer.got.count(b"SIP/2.0 200"), 0)
