"""The texts of `listen` and `advertise`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import ConfigError
from sipexpress.transport.listen import ListenSpec, Socket, parse_advertise, parse_listen


class ParseListenTests(SynchronousTestCase):
    """parse_listen."""

    def refused(self, text: str, *parts: str) -> None:
        error = str(self.assertRaises(ConfigError, parse_listen, text))
        for part in (f"listen {text!r}: ", *parts):
            self.assertIn(part, error)

    def test_every_address(self) -> None:
        self.assertEqual(parse_listen("udp:5060"), ListenSpec("udp", None, 5060))
        self.assertEqual(parse_listen("tcp:5061"), ListenSpec("tcp", None, 5061))
        self.assertEqual(parse_listen(" udp:5060\n"), ListenSpec("udp", None, 5060))

    def test_an_address(self) -> None:
        self.assertEqual(parse_listen("udp:192.0.2.1:5060"), ListenSpec("udp", "192.0.2.1", 5060))
        self.assertEqual(parse_listen("tcp:0.0.0.0:5060"), ListenSpec("tcp", "0.0.0.0", 5060))

    def test_an_interface_or_localhost(self) -> None:
        self.assertEqual(parse_listen("udp:eth0:5060"), ListenSpec("udp", "eth0", 5060))
        self.assertEqual(parse_listen("udp:br-lan_0.5:5060"), ListenSpec("udp", "br-lan_0.5", 5060))
        self.assertEqual(parse_listen("udp:localhost:0"), ListenSpec("udp", "localhost", 0))

    def test_ipv6_in_its_usual_spelling(self) -> None:
        self.assertEqual(parse_listen("udp:[2001:DB8:0:0::1]:5060"), ListenSpec("udp", "2001:db8::1", 5060))
        self.assertEqual(parse_listen("tcp:[::]:5060"), ListenSpec("tcp", "::", 5060))

    def test_ports(self) -> None:
        self.assertEqual(parse_listen("udp:0").port, 0)
        self.assertEqual(parse_listen("udp:65535").port, 65535)
        self.refused("udp:65536", "the port is above 65535")
        self.refused("udp:192.0.2.1:99999", "the port is above 65535")
        self.refused("udp:123456", "expected udp:port or tcp:port")
        self.refused("udp:-1", "expected udp:port or tcp:port")

    def test_no_form(self) -> None:
        for text in (
            "",
            "5060",
            "udp",
            "udp:",
            "udp5060",
            "udp:192.0.2.1",
            "udp::5060",
            "UDP:5060",
            "udp:sip",
            "udp:5060/x",
        ):
            self.refused(text, "expected udp:port or tcp:port, with an address as in udp:192.0.2.1:5060")

    def test_ipv6_wants_brackets(self) -> None:
        self.refused("udp:2001:db8::1:5060", "udp:[2001:db8::1]:5060")
        self.refused("udp:[2001:db8::1:5060", "udp:[2001:db8::1]:5060")
        self.refused("udp:[2001:db8::zz]:5060", "expected udp:port")
        self.refused("udp:[2001::db8::1]:5060", "is no IPv6 address")
        self.refused("udp:[192.0.2.1]:5060", "is no IPv6 address")

    def test_other_transports(self) -> None:
        for protocol in ("tls", "ws", "wss", "sctp"):
            self.refused(f"{protocol}:5061", f"{protocol} is not there yet; this version speaks udp and tcp")
        self.refused("http:5060", "expected udp:port or tcp:port")


class ParseAdvertiseTests(SynchronousTestCase):
    """parse_advertise."""

    def refused(self, text: str) -> None:
        error = str(self.assertRaises(ConfigError, parse_advertise, text))
        self.assertEqual(error, f"advertise {text!r}: expected host or host:port")

    def test_a_host(self) -> None:
        self.assertEqual(parse_advertise("sip.example"), ("sip.example", None))
        self.assertEqual(parse_advertise("192.0.2.1"), ("192.0.2.1", None))
        self.assertEqual(parse_advertise("[2001:db8::1]"), ("[2001:db8::1]", None))

    def test_host_and_port(self) -> None:
        self.assertEqual(parse_advertise("sip.example:5080"), ("sip.example", 5080))
        self.assertEqual(parse_advertise("192.0.2.1:65535"), ("192.0.2.1", 65535))
        self.assertEqual(parse_advertise("[2001:db8::1]:5080"), ("[2001:db8::1]", 5080))

    def test_neither(self) -> None:
        for text in (
            *("", ":5060", "sip.example:", "sip.example:0", "sip.example:65536", "a b", "sip.example;x", "-x", "x-"),
            *("2001:db8::1", "sip.example:5060:5060", "sip.example\r\nX: y", "udp:sip.example:5060"),
        ):
            self.refused(text)

    def test_what_goes_into_via_is_an_address(self) -> None:
        for text in ("[2001::db8::1]", "[:]", "[12345::]", "[192.0.2.1]"):
            error = str(self.assertRaises(ConfigError, parse_advertise, text))
            self.assertEqual(error, f"advertise {text!r}: {text} is no IPv6 address")


class SocketTests(SynchronousTestCase):
    """What a socket says of itself."""

    def test_via(self) -> None:
        socket = Socket("UDP", "192.0.2.1", 5060, None)
        self.assertEqual((socket.sent_by, socket.via), (b"192.0.2.1:5060", b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch="))
        self.assertEqual((str(socket), socket.reliable, socket.ipv6), ("udp:192.0.2.1:5060", False, False))

    def test_ipv6(self) -> None:
        socket = Socket("TCP", "2001:db8::1", 5060, None)
        self.assertEqual(socket.via, b"Via: SIP/2.0/TCP [2001:db8::1]:5060;branch=")
        self.assertEqual((str(socket), socket.reliable, socket.ipv6), ("tcp:[2001:db8::1]:5060", True, True))

    def test_advertised(self) -> None:
        socket = Socket("UDP", "10.0.0.1", 5070, None, ("sip.example", None))
        self.assertEqual((socket.sent_by, socket.advertised), (b"sip.example:5070", ("sip.example", 5070)))
        self.assertEqual((socket.host, socket.port), ("10.0.0.1", 5070))
        socket = Socket("UDP", "10.0.0.1", 5070, None, ("[2001:db8::1]", 5080))
        self.assertEqual(socket.sent_by, b"[2001:db8::1]:5080")
        self.assertEqual(str(socket), "udp:10.0.0.1:5070")
