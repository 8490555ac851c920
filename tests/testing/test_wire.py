"""The wire: what arrives, when, and in which order; always in the same way for the same seed."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import ConfigError
from sipexpress.testing import VirtualClock, Wire
from sipexpress.testing.wire import WireNetwork, WireSocket
from sipexpress.transport.listen import parse_listen

ONE, TWO = ("10.0.0.1", 5060), ("10.0.0.2", 5060)


class End:
    """One end of the wire: what it got."""

    def __init__(self, wire: Wire, protocol: str, host: str) -> None:
        self.wire = wire
        self.got: list[tuple[float, bytes]] = []
        self.failed: list[tuple[bytes, str]] = []
        self.flows: list[Any] = []
        self.closings = 0
        self.socket = WireSocket(wire, protocol, host, 5060, self)

    def received(self, data: bytes, flow: Any) -> None:
        """A message."""
        self.got.append((round(self.wire.clock.elapsed, 6), data))
        self.flows.append(flow)

    def send_failed(self, flow: Any, data: bytes, reason: str) -> None:
        """One that did not arrive."""
        self.failed.append((data, reason))

    def closed(self, flow: Any) -> None:
        """A connection."""
        self.closings += 1

    @property
    def messages(self) -> list[bytes]:
        """What it got, in order."""
        return [data for _, data in self.got]


class WireCase(SynchronousTestCase):
    """Tests with two ends."""

    protocol = "UDP"

    def setUp(self) -> None:
        """A wire."""
        self.clock = VirtualClock()
        self.put(Wire(self.clock))

    def put(self, wire: Wire) -> None:
        """Both ends on a wire."""
        self.wire = wire
        self.one, self.two = End(wire, self.protocol, ONE[0]), End(wire, self.protocol, TWO[0])

    def send(self, *messages: bytes) -> None:
        """From one to two."""
        for message in messages:
            self.one.socket.flow_to(TWO).send(message)


class DatagramTests(WireCase):
    """UDP."""

    def test_a_message_takes_its_time(self) -> None:
        self.wire.latency = 0.25
        self.send(b"hello")
        self.clock.advance(0.2)
        self.assertEqual(self.two.got, [])
        self.clock.advance(0.2)
        self.assertEqual(self.two.got, [(0.25, b"hello")])

    def test_there_and_back(self) -> None:
        self.send(b"hello")
        self.clock.advance(0.1)
        (flow,) = self.two.flows
        self.assertEqual((flow.address, flow.protocol, flow.reliable), (ONE, "UDP", False))
        flow.send(b"back")
        self.clock.advance(0.1)
        self.assertEqual(self.one.messages, [b"back"])

    def test_in_order_without_jitter(self) -> None:
        messages = [b"%d" % number for number in range(100)]
        self.send(*messages)
        self.clock.advance(1)
        self.assertEqual(self.two.messages, messages)

    def test_lose_decides_for_each_packet(self) -> None:
        self.wire.lose = lambda packet: packet.data == b"b"
        self.send(b"a", b"b", b"c")
        self.clock.advance(1)
        self.assertEqual(self.two.messages, [b"a", b"c"])
        self.assertEqual([packet.lost for packet in self.wire.packets], [False, True, False])

    def test_what_was_sent_is_kept(self) -> None:
        self.send(b"INVITE sip:x SIP/2.0\r\n\r\n", b"BYE sip:x SIP/2.0\r\n\r\n")
        (invite,) = self.wire.sent("INVITE")
        self.assertEqual((invite.source, invite.destination, invite.protocol), (ONE, TWO, "UDP"))
        self.assertEqual(invite.start_line, "INVITE sip:x SIP/2.0")
        self.assertIn("10.0.0.1:5060 > 10.0.0.2:5060 INVITE sip:x SIP/2.0>", repr(invite))
        self.assertEqual((len(self.wire.sent("", ONE)), self.wire.sent("", TWO)), (2, []))

    def test_a_lost_packet_says_so(self) -> None:
        self.wire.loss = 1.0
        self.send(b"hello")
        self.assertIn("hello (lost)", repr(self.wire.packets[0]))

    def test_nothing_is_kept_when_that_is_not_wanted(self) -> None:
        self.wire.keep = False
        self.send(b"hello")
        self.clock.advance(1)
        self.assertEqual((self.wire.packets, self.two.messages), ([], [b"hello"]))

    def test_where_nobody_listens_the_sender_is_told(self) -> None:
        self.two.socket.stop()
        self.send(b"x" * 1000)
        self.clock.advance(1)
        self.assertEqual(self.one.failed, [(b"x" * 500, "port unreachable")])

    def test_a_place_is_taken_once(self) -> None:
        error = self.assertRaises(ConfigError, End, self.wire, "UDP", ONE[0])
        self.assertEqual(str(error), "udp:10.0.0.1:5060: address already in use")
        self.one.socket.stop()
        End(self.wire, "UDP", ONE[0])
        End(self.wire, "TCP", ONE[0])


class ChanceTests(WireCase):
    """Loss, duplicates and jitter by chance, the same for the same seed."""

    messages = tuple(b"%d" % number for number in range(200))

    def played(self, seed: int, **chances: float) -> list[tuple[float, bytes]]:
        """What arrives of 200 messages."""
        self.clock = VirtualClock()
        self.put(Wire(self.clock, seed=seed))
        for name, value in chances.items():
            setattr(self.wire, name, value)
        self.send(*self.messages)
        self.clock.advance(10)
        return self.two.got

    def test_the_same_seed_is_the_same_game(self) -> None:
        chances = {"loss": 0.2, "duplicates": 0.2, "jitter": 1.0}
        first = self.played(7, **chances)
        self.assertEqual(self.played(7, **chances), first)
        self.assertNotEqual(self.played(8, **chances), first)

    def test_loss(self) -> None:
        arrived = [data for _, data in self.played(1, loss=0.25)]
        self.assertTrue(120 < len(arrived) < 180, len(arrived))
        self.assertEqual(arrived, sorted(arrived, key=int))

    def test_everything_is_lost(self) -> None:
        self.assertEqual(self.played(1, loss=1.0), [])

    def test_duplicates(self) -> None:
        arrived = [data for _, data in self.played(1, duplicates=0.5)]
        self.assertTrue(270 < len(arrived) < 330, len(arrived))
        self.assertEqual(set(arrived), set(self.messages))
        self.assertLessEqual(max(arrived.count(data) for data in self.messages), 2)

    def test_everything_comes_twice(self) -> None:
        self.assertEqual(len(self.played(1, duplicates=1.0)), 400)

    def test_jitter_reorders(self) -> None:
        got = self.played(1, jitter=0.5)
        arrived = [data for _, data in got]
        self.assertNotEqual(arrived, list(self.messages))
        self.assertEqual(sorted(arrived, key=int), list(self.messages))
        times = [time for time, _ in got]
        self.assertEqual(times, sorted(times))
        self.assertTrue(min(times) >= 0.001 and max(times) <= 0.502, (min(times), max(times)))


class StreamTests(WireCase):
    """TCP."""

    protocol = "TCP"

    def test_there_and_back_on_one_connection(self) -> None:
        self.send(b"hello", b"again")
        self.clock.advance(0.1)
        self.assertEqual(self.two.messages, [b"hello", b"again"])
        first, second = self.two.flows
        self.assertIs(first, second)
        self.assertEqual((first.protocol, first.reliable), ("TCP", True))
        self.assertNotEqual(first.address, ONE)
        first.send(b"back")
        self.clock.advance(0.1)
        self.assertEqual(self.one.messages, [b"back"])
        self.assertIs(self.one.flows[0], self.one.socket.flow_to(TWO))

    def test_the_chances_of_udp_do_not_count(self) -> None:
        self.wire.loss = self.wire.duplicates = self.wire.jitter = 1.0
        self.wire.lose = lambda packet: True
        messages = [b"%d" % number for number in range(50)]
        self.send(*messages)
        self.clock.advance(1)
        self.assertEqual(self.two.messages, messages)

    def test_where_nobody_listens_it_is_refused(self) -> None:
        self.two.socket.stop()
        self.send(b"hello")
        self.clock.advance(1)
        self.assertEqual(self.one.failed, [(b"hello", "connection refused")])

    def test_closing_is_seen_at_both_ends(self) -> None:
        self.send(b"hello")
        self.clock.advance(0.1)
        flow = self.two.flows[0]
        flow.close()
        flow.close()
        self.assertEqual((self.one.closings, self.two.closings), (1, 1))
        self.assertFalse(flow.connected)
        self.send(b"on a new one")
        self.clock.advance(0.1)
        self.assertEqual(self.two.messages, [b"hello", b"on a new one"])
        self.assertIsNot(self.two.flows[1], flow)

    def test_what_was_on_its_way_is_gone(self) -> None:
        self.send(b"hello")
        self.clock.advance(0.1)
        self.send(b"on its way")
        self.two.flows[0].close()
        self.clock.advance(0.1)
        self.assertEqual(self.two.messages, [b"hello"])

    def test_an_alias(self) -> None:
        self.send(b"hello")
        self.clock.advance(0.1)
        flow = self.two.flows[0]
        self.assertIsNot(self.two.socket.flow_to(ONE), flow)
        flow.alias(5060)
        self.assertIs(self.two.socket.flow_to(ONE), flow)


class NetworkTests(WireCase):
    """The sockets of a server."""

    def open(self, *listen: str) -> WireNetwork:
        """Open sockets at 10.0.0.9, where none is named."""
        network = WireNetwork(self.wire, "10.0.0.9")
        network.open([parse_listen(text) for text in listen], self.one, None)
        return network

    def test_all_or_nothing(self) -> None:
        self.assertRaises(ConfigError, self.open, "udp:5060", "udp:10.0.0.1:5060")
        self.assertEqual([str(socket) for socket in self.open("udp:5060").sockets], ["udp:10.0.0.9:5060"])

    def test_close(self) -> None:
        network = self.open("udp:5060", "tcp:5060")
        self.successResultOf(network.close())
        self.assertEqual(network.sockets, [])
        self.open("udp:5060", "tcp:5060")

    def test_the_way_to_an_address(self) -> None:
        network = self.open("udp:5060", "udp:10.0.0.8:5060", "tcp:5060", "tcp:10.0.0.8:5060", "udp:[2001:db8::9]:5060")
        first, second, stream, other_stream, six = network.sockets

        def left_by(protocol: str, host: str, prefer: Any = None) -> Any:
            flow = network.flow_to(protocol, (host, 5060), prefer)
            return None if flow is None else flow.socket

        self.assertIs(left_by("UDP", TWO[0]), first)
        self.assertIs(left_by("UDP", TWO[0], second), second)
        self.assertIs(left_by("UDP", "2001:db8::7", second), six)
        self.assertIs(left_by("TCP", TWO[0]), stream)
        self.assertIs(left_by("TCP", TWO[0], second), stream)  # the connection that is there
        self.assertIs(left_by("TCP", "10.0.0.3", second), other_stream)
        self.assertIs(left_by("TCP", "2001:db8::7"), None)
