"""The sockets of a server: opened, chosen, and kept in step with the machine's addresses."""

from __future__ import annotations

import os
import socket as sockets
from typing import Any

import ifaddr
from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from sipexpress.errors import ConfigError
from sipexpress.transport.listen import ListenSpec, parse_listen
from sipexpress.transport.network import Network, addresses, hosts_for
from tests.transport.network_case import NetworkCase, machine, reactor
from tests.transport.receiver import closed_port, has_ipv6
from tests.transport.tcp_case import Steps


class HostsTests(SynchronousTestCase):
    """Which addresses an entry of `listen` means."""

    there = {"lo": ["127.0.0.1", "::1"], "eth0": ["192.0.2.1", "2001:db8::1"], "eth1": ["10.0.0.1"]}

    def hosts(self, text: str, interfaces: dict[str, list[str]] | None = None) -> list[str]:
        return hosts_for(parse_listen(text), self.there if interfaces is None else interfaces)

    def test_every_address_but_loopback(self) -> None:
        self.assertEqual(self.hosts("udp:5060"), ["192.0.2.1", "2001:db8::1", "10.0.0.1"])

    def test_loopback_where_nothing_else_is(self) -> None:
        self.assertEqual(self.hosts("udp:5060", {"lo": ["127.0.0.1", "::1"]}), ["127.0.0.1", "::1"])

    def test_every_address_of_a_family(self) -> None:
        self.assertEqual(self.hosts("udp:0.0.0.0:5060"), ["192.0.2.1", "10.0.0.1"])
        self.assertEqual(self.hosts("udp:[::]:5060"), ["2001:db8::1"])
        self.assertEqual(self.hosts("udp:[::]:5060", {"lo": ["127.0.0.1", "::1"], "eth1": ["10.0.0.1"]}), ["::1"])

    def test_an_address(self) -> None:
        self.assertEqual(self.hosts("udp:203.0.113.5:5060"), ["203.0.113.5"])
        self.assertEqual(self.hosts("udp:[2001:DB8:0::5]:5060"), ["2001:db8::5"])
        self.assertEqual(self.hosts("udp:127.0.0.1:5060"), ["127.0.0.1"])
        self.assertEqual(self.hosts("udp:localhost:5060"), ["127.0.0.1"])

    def test_an_interface(self) -> None:
        self.assertEqual(self.hosts("udp:eth0:5060"), ["192.0.2.1", "2001:db8::1"])
        self.assertEqual(self.hosts("udp:lo:5060"), ["127.0.0.1", "::1"])

    def test_neither(self) -> None:
        error = str(self.assertRaises(ConfigError, self.hosts, "udp:eth7:5060"))
        self.assertEqual(error, "listen: 'eth7' is neither an IP address nor an interface (there are eth0, eth1, lo)")
        self.assertRaises(ConfigError, self.hosts, "udp:192.0.2.999:5060")

    def test_the_addresses_of_a_machine(self) -> None:
        self.patch(
            ifaddr,
            "get_adapters",
            lambda: machine(lo=["127.0.0.1", "::1"], eth0=["192.0.2.1", "fe80::1", "2001:db8::1"]),
        )
        self.assertEqual(addresses(), {"lo": ["127.0.0.1", "::1"], "eth0": ["192.0.2.1", "2001:db8::1"]})

    def test_the_addresses_of_this_machine(self) -> None:
        self.assertIn("127.0.0.1", [text for texts in addresses().values() for text in texts])


class OpenTests(NetworkCase):
    """Listening."""

    def test_open(self) -> None:
        udp, tcp = self.open("udp:127.0.0.1:0", "tcp:127.0.0.1:0")
        self.assertEqual((udp.protocol, tcp.protocol), ("UDP", "TCP"))
        self.assertTrue(udp.port)
        self.assertTrue(tcp.port)
        self.assertEqual(self.network.sockets, [udp, tcp])

    def test_the_same_place_twice_is_one_socket(self) -> None:
        port = closed_port()
        found = self.open(f"udp:127.0.0.1:{port}", f"udp:localhost:{port}", f"tcp:localhost:{port}")
        self.assertEqual(self.names(found), [f"udp:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}"])

    def test_advertised(self) -> None:
        (socket,) = self.network.open([ListenSpec("udp", "127.0.0.1", 0)], self.receiver, ("sip.example", 5080))
        self.assertEqual(socket.sent_by, b"sip.example:5080")

    def test_ipv6(self) -> None:
        if not has_ipv6():
            raise SkipTest("no IPv6 here")
        udp, tcp = self.open("udp:[::1]:0", "tcp:[::1]:0")
        self.assertEqual((udp.host, tcp.host, udp.ipv6, tcp.ipv6), ("::1", "::1", True, True))

    def refused(self, *texts: str) -> str:
        error = str(self.assertRaises(ConfigError, self.open, *texts))
        self.assertNotIn("\n", error)
        self.assertEqual(self.network.sockets, [])
        return error

    def test_a_port_that_is_taken(self) -> None:
        for kind, protocol in ((sockets.SOCK_DGRAM, "udp"), (sockets.SOCK_STREAM, "tcp")):
            with sockets.socket(sockets.AF_INET, kind) as other:
                other.bind(("127.0.0.1", 0))
                if protocol == "tcp":
                    other.listen()
                place = f"{protocol}:127.0.0.1:{other.getsockname()[1]}"
                self.assertEqual(self.refused(place), f"cannot listen on {place}: the port is taken by another program")

    def test_an_address_that_is_not_there(self) -> None:
        for place in ("udp:192.0.2.1:5060", "tcp:192.0.2.1:5060", "udp:[2001:db8::1]:5060"):
            if "[" in place and not has_ipv6():
                continue
            self.assertEqual(self.refused(place), f"cannot listen on {place}: this machine has no such address")

    def test_a_port_that_is_not_allowed(self) -> None:
        if os.getuid() == 0:
            raise SkipTest("root may listen everywhere")
        self.assertIn("ports below 1024 need root or CAP_NET_BIND_SERVICE", self.refused("udp:127.0.0.1:1"))

    @inlineCallbacks
    def test_what_was_open_is_closed_when_another_cannot_be(self) -> Steps:
        udp, tcp = closed_port(), closed_port(sockets.SOCK_STREAM)
        self.refused(f"udp:127.0.0.1:{udp}", f"tcp:127.0.0.1:{tcp}", "udp:192.0.2.1:5060")
        yield deferLater(reactor, 0, lambda: None)
        self.assertEqual(len(self.open(f"udp:127.0.0.1:{udp}", f"tcp:127.0.0.1:{tcp}")), 2)

    @inlineCallbacks
    def test_close(self) -> Steps:
        udp, tcp = self.open("udp:127.0.0.1:0", "tcp:127.0.0.1:0")
        yield self.network.close()
        self.assertEqual(self.network.sockets, [])
        again = self.open(f"udp:127.0.0.1:{udp.port}", f"tcp:127.0.0.1:{tcp.port}")
        self.assertEqual([socket.port for socket in again], [udp.port, tcp.port])


class ChoiceTests(NetworkCase):
    """From which socket something is sent."""

    def setUp(self) -> None:
        super().setUp()
        texts = [f"{protocol}:127.0.0.{number}:0" for protocol in ("udp", "tcp") for number in (1, 2)]
        self.udp1, self.udp2, self.tcp1, self.tcp2 = self.open(*texts)

    def chosen(self, protocol: str, host: str, prefer: Any, network: Network | None = None) -> Any:
        flow = (network or self.network).flow_to(protocol, (host, 5060), prefer)
        return None if flow is None else flow.socket

    def test_the_preferred_one(self) -> None:
        self.assertIs(self.chosen("UDP", "127.0.0.9", self.udp2), self.udp2)
        self.assertIs(self.chosen("UDP", "127.0.0.9", self.udp1), self.udp1)

    def test_the_first_one(self) -> None:
        self.assertIs(self.chosen("UDP", "127.0.0.9", None), self.udp1)

    def test_the_preferred_address_over_another_transport(self) -> None:
        self.assertIs(self.chosen("UDP", "127.0.0.9", self.tcp2), self.udp2)
        self.assertIs(self.chosen("TCP", "127.0.0.9", self.udp2), self.tcp2)

    def test_a_transport_that_is_not_there(self) -> None:
        self.assertIsNone(self.chosen("TLS", "127.0.0.9", self.udp1))

    def test_a_family_that_is_not_there(self) -> None:
        self.assertIsNone(self.chosen("UDP", "::1", self.udp1))
        if not has_ipv6():
            raise SkipTest("no IPv6 here")
        other = self.made()
        (six,) = self.open("udp:[::1]:0", network=other)
        self.assertIs(self.chosen("UDP", "::1", self.udp1, other), six)
        self.assertIsNone(self.chosen("UDP", "127.0.0.1", six, other))
        self.assertIsNone(self.chosen("UDP", "2001:db8::1", six, other))

    def test_from_loopback_nothing_leaves_the_machine(self) -> None:
        self.assertIsNone(self.chosen("UDP", "192.0.2.1", self.udp1))
        self.assertIsNone(self.chosen("TCP", "192.0.2.1", None))

    @inlineCallbacks
    def test_a_live_connection_comes_first(self) -> Steps:
        to = ("127.0.0.1", self.tcp1.port)
        flow = self.network.flow_to("TCP", to, self.tcp2)
        assert flow is not None
        self.assertIs(flow.socket, self.tcp2)
        self.assertIs(self.network.flow_to("TCP", to, self.tcp1), flow)
        flow.send(b"\r\n\r\n")
        # Its own other end: both belong to this network.
        yield self.network.close()
        self.assertEqual(len(self.network.connections), 0)

    def test_mhomed_asks_the_system(self) -> None:
        network = self.made(mhomed=True)
        second, first = self.open("udp:127.0.0.2:0", "udp:127.0.0.1:0", network=network)
        with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as probe:
            probe.connect(("127.0.0.9", 9))
            source = probe.getsockname()[0]
        right = {"127.0.0.1": first, "127.0.0.2": second}[source]
        for prefer in (None, first, second):
            self.assertIs(self.chosen("UDP", "127.0.0.9", prefer, network), right)

    def test_mhomed_without_an_answer_keeps_the_preferred_one(self) -> None:
        network = self.made(mhomed=True)
        _, second = self.open("udp:127.0.0.3:0", "udp:127.0.0.2:0", network=network)
        self.assertIs(self.chosen("UDP", "127.0.0.9", second, network), second)
