"""Which contacts a REGISTER may name: each class of address, from each kind of source."""

from __future__ import annotations

from typing import Any

from sipexpress.testing import Phone, RouterTestCase
from tests.routers import Plain

LISTEN = ["udp:10.0.0.1:5060", "tcp:10.0.0.1:5060", "udp:10.0.0.1:5080", "udp:[2001:db8::1]:5060"]


class PolicyTestCase(RouterTestCase):
    source = "10.0.1.1"

    def play(self, **params: Any) -> Phone:
        self.server = self.serve(
            Plain,
            listen=LISTEN,
            aliases=["office.example"],
            advertise="198.51.100.1",
            trusted=["10.7.0.0/16", "2001:db8:7::/48"],
            modparams={"registrar": params},
        )
        server = "2001:db8::1" if ":" in self.source else "10.0.0.1"
        self.bob = self.phone("bob", self.source, server=(server, 5060))
        return self.bob

    def statuses(self, *hosts: str) -> dict[str, int]:
        """What a REGISTER with a contact at each of the hosts is answered."""
        found = {}
        for host in hosts:
            exchange = self.bob.register(contact=f"<sip:bob@{host}>")
            self.clock.advance(0.1)
            found[host] = exchange.status
        return found

    def assert_all(self, status: int, *hosts: str) -> None:
        self.assertEqual(self.statuses(*hosts), dict.fromkeys(hosts, status))


class RefusedTests(PolicyTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.play()

    def test_the_server_itself(self) -> None:
        self.assert_all(
            403,
            "10.0.0.1",
            "10.0.0.1:5060",
            "10.0.0.1:5080",
            "10.0.0.1;transport=tcp",
            "[2001:db8::1]",
            "[2001:DB8:0::1]:5060",
            "198.51.100.1",
            "office.example",
            "OFFICE.example.:5070",
            "10.0.1.1;maddr=10.0.0.1",
        )

    def test_trusted_peers(self) -> None:
        self.assert_all(
            403, "10.7.0.1", "10.7.255.255:5090", "[2001:db8:7::5]", "10.0.1.1;maddr=10.7.0.1", "[::ffff:10.7.0.1]"
        )

    def test_loopback_and_link_local(self) -> None:
        self.assert_all(
            403, "127.0.0.1", "127.255.0.1:5070", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "[fe80::1]"
        )

    def test_multicast_broadcast_and_nowhere(self) -> None:
        self.assert_all(
            403,
            "224.0.0.1",
            "239.1.2.3",
            "[ff02::1]",
            "255.255.255.255",
            "10.0.1.255",
            "0.0.0.0",
            "[::]",
            "240.0.0.1",
            "[64:ff9b::7f00:1]",
        )

    def test_names(self) -> None:
        self.assert_all(
            403, "localhost", "phone.example", "a.localhost", "10.0.1.1;maddr=phone.example", "10.0.1.1;maddr="
        )

    def test_numbers_that_programs_read_as_addresses(self) -> None:
        self.assert_all(403, "2130706433", "127.1", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1.", "10.0.0.1.")


class GoodTests(PolicyTestCase):
    def test_the_source_itself(self) -> None:
        self.play()
        self.assert_all(200, "10.0.1.1", "10.0.1.1:6000", "10.0.1.1;transport=tcp", "[::ffff:10.0.1.1]")

    def test_other_addresses(self) -> None:
        self.play()
        self.assert_all(200, "10.0.2.2", "192.0.2.9", "[2001:db8::99]")

    def test_a_trusted_peer_registers_itself(self) -> None:
        self.source = "10.7.1.1"
        self.play()
        self.assert_all(200, "10.7.1.1")
        self.assert_all(403, "10.7.1.2")

    def test_a_program_on_the_same_machine(self) -> None:
        self.source = "127.0.0.1"
        self.play()
        self.assert_all(200, "127.0.0.1:6000")
        self.assert_all(403, "127.0.0.2")

    def test_over_ipv6(self) -> None:
        self.source = "2001:db8::b"
        self.play()
        self.assert_all(200, "[2001:db8::b]", "[2001:DB8:0:0::B]:6000")

    def test_allowed_networks(self) -> None:
        self.play(allow_contacts=["127.0.0.0/8", "10.7.9.0/24"])
        self.assert_all(200, "127.0.0.1:6000", "10.7.9.9")
        self.assert_all(403, "10.7.8.8", "10.0.0.1", "10.0.0.1:5080", "[::1]")

    def test_allowed_networks_as_text(self) -> None:
        self.play(allow_contacts="127.0.0.0/8, 2001:db8:7::/48")
        self.assert_all(200, "127.0.0.1:6000", "[2001:db8:7::5]")

    def test_allowed_names(self) -> None:
        self.play(allow_contact_names="yes")
        self.assert_all(200, "phone.example", "10.0.1.1;maddr=phone.example")
        self.assert_all(403, "localhost", "LOCALHOST.", "office.example", "office.example:9", "127.0.0.1")


class CallTests(PolicyTestCase):
    """What calls make of a contact."""

    def test_its_escaped_headers_are_gone(self) -> None:
        self.play()
        self.assert_all(200, "10.0.1.1:6000?Route=%3Csip:10.7.0.1%3E&Subject=x")
        self.phone("alice", "10.0.1.99").invite("bob")
        self.clock.advance(0.1)
        self.assertEqual(
            [p.start_line for p in self.wire.sent("INVITE sip:bob@10.0.1.1")], ["INVITE sip:bob@10.0.1.1:6000 SIP/2.0"]
        )

    def test_lines_cannot_be_smuggled_in(self) -> None:
        self.play()
        exchange = self.bob.register(contact="<sip:b%0D%0AX-Evil:1@10.0.1.1>")
        self.clock.advance(0.1)
        self.assertEqual(exchange.status, 200)
        self.phone("alice", "10.0.1.99").invite("bob")
        self.clock.advance(0.1)
        self.assertEqual(self.bob.calls[0].request.raw_uri, b"sip:b%0D%0AX-Evil:1@10.0.1.1")
        self.assertIsNone(self.bob.calls[0].request.header("x-evil"))

    def test_a_very_long_one(self) -> None:
        self.play()
        self.assert_all(400, "10.0.1.1;x=" + "y" * 600)
