"""A busy UDP socket is read by the clock, a quiet one when a datagram wakes the reactor."""

from __future__ import annotations

import socket as sockets
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.transport.udp import BATCH, BUSY, PACE, QUEUE, WINDOW, UdpSocket
from tests.transport.receiver import closed_port, message


class Turning(Clock):
    """A reactor whose time stands still, and which wakes nobody by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)


class Kept:
    """Keeps what the socket tells."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

        self.then: Callable[[bytes, Any], None] = lambda data, flow: None

    def received(self, data: bytes, flow: object) -> None:
        self.messages.append(data)
        self.then(data, flow)

    def send_failed(self, flow: object, data: bytes, reason: str) -> None:
        raise ZeroDivisionError


class PaceTests(SynchronousTestCase):
    """Interrupt moderation, played on a clock of the test's own."""

    def setUp(self) -> None:
        self.reactor = Turning()
        self.kept = Kept()
        self.socket = UdpSocket(self.reactor, "127.0.0.1", 0, self.kept, None)
        self.addCleanup(self.socket.stop)
        self.peer = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
        self.addCleanup(self.peer.close)
        self.sent: list[bytes] = []

    def send(self, count: int) -> None:
        for _ in range(count):
            self.sent.append(message(len(self.sent)))
            self.peer.sendto(self.sent[-1], ("127.0.0.1", self.socket.port))

    def woken(self, count: int) -> None:
        """Datagrams come, and the reactor wakes the socket as long as it is among its readers."""
        self.send(count)
        while self.socket in self.reactor.readers and len(self.kept.messages) < len(self.sent):
            self.socket.doRead()

    def make_busy(self) -> None:
        self.woken(1)
        self.woken(BUSY)
        self.reactor.advance(WINDOW)
        self.woken(1)
        self.assertNotIn(self.socket, self.reactor.readers)

    def test_a_quiet_socket_is_woken(self) -> None:
        for _ in range(5):
            self.woken(BUSY // 4)
            self.reactor.advance(WINDOW)
        self.assertIn(self.socket, self.reactor.readers)
        self.assertEqual(self.kept.messages, self.sent)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_busy_one_is_read_by_the_clock(self) -> None:
        self.make_busy()
        self.assertEqual(self.kept.messages, self.sent)
        self.send(5)
        self.assertEqual(self.kept.messages, self.sent[:-5])
        self.reactor.advance(PACE)
        self.assertEqual(self.kept.messages, self.sent)

    def test_more_than_a_batch_does_not_wait_for_the_next_turn(self) -> None:
        self.make_busy()
        self.send(3 * BATCH)
        self.reactor.advance(PACE)
        for _ in range(3):
            self.reactor.advance(0)
        self.assertEqual(self.kept.messages, self.sent)

    def test_it_is_woken_again_when_it_is_quiet(self) -> None:
        self.make_busy()
        self.reactor.pump([PACE] * round(3 * WINDOW / PACE))
        self.assertIn(self.socket, self.reactor.readers)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.woken(1)
        self.assertEqual(self.kept.messages, self.sent)

    def test_a_busy_one_stops(self) -> None:
        self.make_busy()
        self.socket.stop()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.reactor.readers, set())

    def echoed(self) -> list[bytes]:
        """What has come back to the peer."""
        self.peer.setblocking(False)
        came = []
        while True:
            try:
                came.append(self.peer.recv(65535))
            except BlockingIOError:
                return came

    def test_what_a_busy_one_is_told_to_send_goes_out_in_order(self) -> None:
        self.kept.then = lambda data, flow: flow.send(data)
        self.make_busy()
        self.echoed()
        self.send(3 * QUEUE + 5)
        self.reactor.advance(PACE)
        self.assertEqual(self.echoed(), self.sent[-3 * QUEUE - 5 :])

    def test_a_busy_one_keeps_only_so_much(self) -> None:
        self.make_busy()
        seen: list[int] = []

        def then(data: bytes, flow: Any) -> None:
            seen.append(len(self.echoed()))
            flow.send(data)

        self.kept.then = then
        self.send(2 * QUEUE + 1)
        self.reactor.advance(PACE)
        self.assertEqual(sum(seen), 2 * QUEUE)
        self.assertEqual(len(self.echoed()), 1)

    def test_a_peer_that_is_gone_keeps_nothing_from_the_others(self) -> None:
        self.make_busy()
        gone = self.socket.flow_to(("127.0.0.1", closed_port()))

        def then(data: bytes, flow: Any) -> None:
            gone.send(data)
            flow.send(data)

        self.kept.then = then
        self.send(5)
        self.assertRaises(ZeroDivisionError, self.reactor.advance, PACE)
        self.assertEqual(self.echoed(), self.sent[-5:])

    def test_what_was_to_be_sent_is_sent_before_it_stops(self) -> None:
        self.make_busy()

        def then(data: bytes, flow: Any) -> None:
            flow.send(data)
            self.socket.stop()

        self.kept.then = then
        self.send(1)
        self.reactor.advance(PACE)
        self.assertEqual(self.echoed(), self.sent[-1:])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_quiet_one_sends_at_once(self) -> None:
        seen: list[bytes] = []

        def then(data: bytes, flow: Any) -> None:
            flow.send(data)
            seen.extend(self.echoed())

        self.kept.then = then
        self.woken(3)
        self.assertEqual(seen, self.sent)

    def test_an_error_does_not_end_the_turns(self) -> None:
        self.make_busy()
        self.socket.flow_to(("127.0.0.1", closed_port())).send(message(0))
        self.assertRaises(ZeroDivisionError, self.reactor.advance, PACE)
        self.send(1)
        self.reactor.advance(PACE)
        self.assertEqual(self.kept.messages, self.sent)
