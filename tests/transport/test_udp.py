"""UDP over real sockets of the loopback interface."""

from __future__ import annotations

import errno
import os
import socket as sockets
import subprocess
import sys
from collections.abc import Generator
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from sipexpress.transport.udp import BATCH, UdpSocket
from tests.house.code import ROOT
from tests.transport.receiver import Receiver, closed_port, has_ipv6, message

reactor: Any = _reactor
Steps = Generator[Any, Any, None]


class UdpTests(TestCase):
    """A UdpSocket and a plain socket as its peer."""

    timeout = 20
    host = "127.0.0.1"

    def setUp(self) -> None:
        self.receiver = Receiver()
        self.socket = UdpSocket(reactor, self.host, 0, self.receiver, None)
        self.addCleanup(self.socket.stop)
        family = sockets.AF_INET6 if ":" in self.host else sockets.AF_INET
        self.peer = sockets.socket(family, sockets.SOCK_DGRAM)
        self.peer.bind((self.host, 0))
        self.peer.settimeout(10)
        self.addCleanup(self.peer.close)
        self.port = int(self.peer.getsockname()[1])

    def send(self, *datagrams: bytes) -> None:
        """From the peer. Over loopback it has arrived when this returns."""
        for data in datagrams:
            self.peer.sendto(data, (self.host, self.socket.port))

    @inlineCallbacks
    def test_there_and_back(self) -> Steps:
        self.receiver.answer = lambda data, flow: flow.send(b"re: " + data)
        self.send(message(1))
        yield self.receiver.has(1)
        self.assertEqual(self.receiver.messages, [message(1)])
        flow = self.receiver.flows[0]
        self.assertEqual((flow.address, flow.protocol, flow.reliable), ((self.host, self.port), "UDP", False))
        self.assertIs(flow.socket, self.socket)
        data, source = self.peer.recvfrom(65535)
        self.assertEqual((data, source[:2]), (b"re: " + message(1), (self.host, self.socket.port)))

    @inlineCallbacks
    def test_a_flow_of_our_own(self) -> Steps:
        flow = self.socket.flow_to((self.host, self.port))
        flow.send(message(1))
        self.assertEqual(self.peer.recv(65535), message(1))
        self.send(message(2))
        yield self.receiver.has(1)

    @inlineCallbacks
    def test_the_socket_is_drained_in_batches(self) -> Steps:
        sent = [message(number) for number in range(3 * BATCH + 7)]
        self.send(*sent)
        self.socket.doRead()
        self.assertEqual(self.receiver.messages, sent[:BATCH])
        yield self.receiver.has(len(sent))
        self.assertEqual(self.receiver.messages, sent)

    @inlineCallbacks
    def test_the_largest_datagram_arrives_whole(self) -> Steps:
        # Without IPv6 extensions 65507 bytes fit into one IPv4 datagram.
        data = message(1, b"x" * 65000)
        self.send(data)
        yield self.receiver.has(1)
        self.assertEqual(self.receiver.messages, [data])

    @inlineCallbacks
    def test_keep_alives_are_absorbed(self) -> Steps:
        self.send(b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b"\0", b"jaK\0", b"", b"    ", b"\r\n" * 20, b"\0" * 8)
        self.send(message(1))
        yield self.receiver.has(1)
        self.assertEqual(self.receiver.messages, [message(1)])
        self.peer.setblocking(False)
        self.assertRaises(BlockingIOError, self.peer.recv, 65535)

    @inlineCallbacks
    def test_a_message_that_cannot_be_handled_harms_no_other(self) -> Steps:
        def broken(data: bytes, flow: Any) -> None:
            if data == message(2):
                raise ZeroDivisionError

        self.receiver.answer = broken
        self.send(message(1), message(2), message(3))
        yield self.receiver.has(3)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    @inlineCallbacks
    def test_icmp_reaches_send_failed_and_the_socket_lives_on(self) -> Steps:
        port = closed_port(host=self.host)
        self.socket.flow_to((self.host, port)).send(message(1))
        self.assertEqual(self.receiver.failures, [])
        yield self.receiver.failed(1)
        flow, data, reason = self.receiver.failures[0]
        self.assertEqual(flow.address, (self.host, port))
        self.assertEqual(data, message(1))
        self.assertEqual(reason, os.strerror(errno.ECONNREFUSED))
        self.send(message(2))
        yield self.receiver.has(1)
        self.socket.flow_to((self.host, self.port)).send(message(3))
        self.assertEqual(self.peer.recv(65535), message(3))
        self.assertEqual(len(self.receiver.failures), 1)

    @inlineCallbacks
    def test_icmp_quotes_enough_of_a_large_message(self) -> Steps:
        data = message(7, b"x" * 5000)
        self.socket.flow_to((self.host, closed_port(host=self.host))).send(data)
        yield self.receiver.failed(1)
        quoted = self.receiver.failures[0][1]
        self.assertTrue(data.startswith(quoted))
        self.assertIn(b"branch=z9hG4bK7\r\n", quoted)

    @inlineCallbacks
    def test_an_error_of_one_peer_does_not_swallow_what_goes_to_another(self) -> Steps:
        good = self.socket.flow_to((self.host, self.port))
        ports = [closed_port(host=self.host) for _ in range(10)]
        for number, port in enumerate(ports):
            self.socket.flow_to((self.host, port)).send(message(number))
            good.send(message(100 + number))
        got = [self.peer.recv(65535) for _ in ports]
        self.assertEqual(got, [message(100 + number) for number in range(10)])
        yield self.receiver.failed(10)
        self.assertEqual({data for _, data, _ in self.receiver.failures}, {message(number) for number in range(10)})

    @inlineCallbacks
    def test_an_error_reported_by_a_sending_is_told_later(self) -> Steps:
        # The ICMP error of the first datagram is what the second call reports.
        port = closed_port(host=self.host)
        flow = self.socket.flow_to((self.host, port))
        told_inside: list[int] = []
        for number in range(3):
            before = len(self.receiver.failures)
            flow.send(message(number))
            told_inside.append(len(self.receiver.failures) - before)
        yield self.receiver.failed(3)
        self.assertEqual({data for _, data, _ in self.receiver.failures}, {message(number) for number in range(3)})
        self.assertEqual(told_inside, [0, 0, 0])

    @inlineCallbacks
    def test_what_the_system_refuses_is_told_later(self) -> Steps:
        self.socket.flow_to((self.host, self.port)).send(b"x" * 70_000)
        self.assertEqual(self.receiver.failures, [])
        yield self.receiver.failed(1)
        flow, data, reason = self.receiver.failures[0]
        self.assertEqual((flow.address, len(data)), ((self.host, self.port), 70_000))
        self.assertEqual(reason, os.strerror(errno.EMSGSIZE))

    @inlineCallbacks
    def test_an_impossible_address_is_told_later_too(self) -> Steps:
        self.socket.flow_to((self.host, 0)).send(message(1))
        self.assertEqual(self.receiver.failures, [])
        yield self.receiver.failed(1)
        self.assertEqual(self.receiver.failures[0][1], message(1))

    def test_stop(self) -> None:
        port = self.socket.port
        flow = self.socket.flow_to((self.host, self.port))
        self.socket.stop()
        self.socket.stop()
        flow.send(message(1))
        again = UdpSocket(reactor, self.host, port, self.receiver, None)
        self.addCleanup(again.stop)
        self.assertEqual(again.port, port)

    @inlineCallbacks
    def test_stopped_by_what_it_received(self) -> Steps:
        self.receiver.answer = lambda data, flow: self.socket.stop()
        self.send(message(1), message(2))
        yield self.receiver.has(1)
        yield deferLater(reactor, 0, lambda: None)
        self.assertEqual(self.receiver.messages, [message(1)])

    def test_its_buffer_is_large(self) -> None:
        with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as plain:
            usual = plain.getsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF)
        ours = sockets.socket(fileno=os.dup(self.socket.fileno()))
        self.addCleanup(ours.close)
        self.assertGreaterEqual(ours.getsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF), usual)


class Udp6Tests(UdpTests):
    """The same over IPv6."""

    host = "::1"

    def setUp(self) -> None:
        if not has_ipv6():
            raise SkipTest("no IPv6 here")
        super().setUp()

    def test_it_leaves_ipv4_alone(self) -> None:
        port = closed_port()
        for host in ("::", "0.0.0.0"):
            self.addCleanup(UdpSocket(reactor, host, port, self.receiver, None).stop)


_OTHER_REACTOR = """
import sys
from twisted.internet import {name}reactor
{name}reactor.install()
from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from sipexpress.transport.udp import UdpSocket
from tests.transport.receiver import Receiver, closed_port, message

@inlineCallbacks
def play():
    receiver, other = Receiver(), Receiver()
    socket = UdpSocket(reactor, "127.0.0.1", 0, receiver, None)
    peer = UdpSocket(reactor, "127.0.0.1", 0, other, None)
    for number in range(3):
        socket.flow_to(("127.0.0.1", closed_port())).send(message(number))
        yield receiver.failed(number + 1)
        peer.flow_to(("127.0.0.1", socket.port)).send(message(number))
        yield receiver.has(number + 1)
        receiver.flows[number].send(message(10 + number))
        yield other.has(number + 1)
    socket.stop()
    peer.stop()
    print(type(reactor).__name__, len(receiver.failures), len(receiver.messages), len(other.messages))

reactor.callLater(15, reactor.stop)
reactor.callWhenRunning(lambda: play().addErrback(lambda f: f.printTraceback()).addBoth(lambda _: reactor.stop()))
reactor.run()
"""


class ReactorTests(TestCase):
    """An ICMP error ends the socket on no reactor."""

    def played(self, name: str) -> str:
        run = subprocess.run(
            [sys.executable, "-c", _OTHER_REACTOR.format(name=name)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=30,
        )
        self.assertEqual(run.stderr, "")
        return run.stdout.strip()

    def test_asyncio(self) -> None:
        self.assertEqual(self.played("asyncio"), "AsyncioSelectorReactor 3 3 3")

    def test_epoll(self) -> None:
        self.assertEqual(self.played("epoll"), "EPollReactor 3 3 3")

    def test_poll(self) -> None:
        self.assertEqual(self.played("poll"), "PollReactor 3 3 3")

    def test_select(self) -> None:
        self.assertEqual(self.played("select"), "SelectReactor 3 3 3")
