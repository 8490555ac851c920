"""Where replies and requests leave by: force_rport, force_tcp_alias, force_send_socket, set_advertised_*."""

from __future__ import annotations

from typing import Any

from sipexpress import use
from sipexpress.errors import RouteError
from sipexpress.modules import Rr
from sipexpress.testing import IncomingCall
from tests.routing.case import Bare, FaceTestCase


class RportTests(FaceTestCase):
    """A phone behind NAT that does not know of rport."""

    def behind_nat(self, route: Any) -> list[tuple[str, int]]:
        """Where the replies to its request go."""
        self.route(route)
        phone = self.phone("alice", "10.0.1.99", 6666)
        data = phone.compose("MESSAGE", "sip:bob@10.0.0.1", "<sip:alice@x>;tag=1", "<sip:bob@x>", "nat", 1)
        data = data.replace(b"10.0.1.99:6666", b"192.168.1.2:5060").replace(b";rport", b"")
        phone.send_raw(data, phone.server)
        self.clock.advance(0.1)
        return [packet.destination for packet in self.wire.sent("SIP/2.0") if packet.source == ("10.0.0.1", 5060)]

    def test_without_it_the_port_of_the_via_counts(self) -> None:
        self.assertEqual(self.behind_nat(lambda self: self.ok()), [("10.0.1.99", 5060)])

    def test_with_it_the_source_port_counts(self) -> None:
        for number, name in enumerate(("force_rport", "add_rport")):

            def route(self: Any) -> None:
                said.append(getattr(self, name)())  # noqa: B023
                self.ok()

            said = list[bool]()
            if number:
                self.setUp()
            self.assertEqual(self.behind_nat(route), [("10.0.1.99", 6666)])
            self.assertEqual(said, [True])

    def test_after_the_transaction_was_made(self) -> None:
        def route(self: Any) -> None:
            self.tm.t_newtran()
            self.force_rport()
            self.tm.t_reply(200, "OK")

        self.assertEqual(self.behind_nat(route), [("10.0.1.99", 6666)])

    def test_the_reply_of_the_other_side_too(self) -> None:
        def route(self: Any) -> None:
            self.force_rport()
            self.rewritehostport("10.0.1.1:5060")
            self.tm.t_relay()

        bob = self.phone("bob")
        self.assertEqual(self.behind_nat(route), [("10.0.1.99", 6666)])
        self.assertIn(b";received=10.0.1.99;rport=6666", bob.requests[0].header_values("via")[1])


class AliasTests(FaceTestCase):
    """force_tcp_alias: requests go back over the connection of the phone."""

    def test_the_port_of_the_via(self) -> None:
        class Office(Bare):
            def route(self) -> None:
                if self.src_ip == "10.0.1.1":
                    said.append(self.force_tcp_alias())
                    self.ok()
                else:
                    self.rewriteuri("sip:alice@10.0.1.1:5060;transport=tcp")
                    self.tm.t_relay()

        said = list[bool]()
        self.start(Office)
        alice = self.phone("alice", protocol="TCP")
        alice.request("MESSAGE", "bob")
        self.clock.advance(0.1)
        count = len(self.wire.packets)
        self.assertEqual(self.ask(seconds=1).status, 200)
        self.assertEqual(said, [True])
        (packet,) = [packet for packet in self.wire.packets[count:] if packet.destination[0] == "10.0.1.1"][:1]
        self.assertNotEqual(packet.destination[1], 5060)

    def test_another_port(self) -> None:
        class Office(Bare):
            def route(self) -> None:
                if self.src_ip == "10.0.1.1":
                    self.force_tcp_alias("7777")
                    self.ok()
                else:
                    self.rewriteuri("sip:alice@10.0.1.1:7777;transport=tcp")
                    self.tm.t_relay()

        self.start(Office)
        alice = self.phone("alice", protocol="TCP")
        alice.request("MESSAGE", "bob")
        self.clock.advance(0.1)
        self.assertEqual(self.ask(seconds=1).status, 200)

    def test_without_it_nobody_listens_there(self) -> None:
        class Office(Bare):
            def route(self) -> None:
                if self.src_ip == "10.0.1.1":
                    self.ok()
                else:
                    self.rewriteuri("sip:alice@10.0.1.1:7777;transport=tcp")
                    self.tm.t_relay()

        self.start(Office)
        self.phone("alice", protocol="TCP").request("MESSAGE", "bob")
        self.clock.advance(0.1)
        self.assertEqual(self.ask(seconds=1).status, 500)

    def test_over_udp_there_is_no_connection(self) -> None:
        self.route(lambda self: self.ok(self.force_tcp_alias()))
        self.assertEqual(self.said(self.ask()), "False")

    def test_a_port_that_is_none(self) -> None:
        self.route(lambda self: self.force_tcp_alias(0))
        self.assertEqual(self.ask(protocol="TCP").status, 500)
        self.assertEqual(self.failure(RouteError), "port 0: expected a number from 1 to 65535")


class Border(Bare):
    """Listens in two networks."""

    listen = ("udp:10.0.0.1:5060", "tcp:10.0.0.1:5060", "udp:192.168.0.1:5060", "tcp:192.168.0.1:5060")

    socket = ""
    target = "sip:bob@10.0.1.1:5060"

    def route(self) -> None:
        if self.socket:
            self.force_send_socket(self.socket)
        self.rewriteuri(self.target)
        self.tm.t_relay()


class SocketTests(FaceTestCase):
    """force_send_socket: one of our sockets, named."""

    def left_by(self, socket: str, **bob: Any) -> tuple[str, str]:
        """The address a request leaves from, and what its Via says."""
        target = "sip:bob@10.0.1.1:5060" + (";transport=tcp" if bob else "")
        self.start(type("Office", (Border,), {"socket": socket, "target": target}))
        phone = self.phone("bob", **bob)
        self.assertEqual(self.ask(seconds=1).status, 200)
        via = phone.requests[0].via
        (packet, *_) = [packet for packet in self.wire.sent("MESSAGE") if packet.source[0] != "10.0.1.2"]
        return packet.source[0], f"{via.host}:{via.port}"

    def test_without_it_the_one_the_request_came_by(self) -> None:
        self.assertEqual(self.left_by(""), ("10.0.0.1", "10.0.0.1:5060"))

    def test_address(self) -> None:
        self.assertEqual(self.left_by("192.168.0.1"), ("192.168.0.1", "192.168.0.1:5060"))

    def test_address_and_port(self) -> None:
        self.assertEqual(self.left_by("192.168.0.1:5060"), ("192.168.0.1", "192.168.0.1:5060"))

    def test_transport_address_and_port(self) -> None:
        self.assertEqual(self.left_by("UDP:192.168.0.1:5060"), ("192.168.0.1", "192.168.0.1:5060"))

    def test_over_another_transport_the_socket_of_that_address(self) -> None:
        self.assertEqual(self.left_by("udp:192.168.0.1", protocol="TCP"), ("192.168.0.1", "192.168.0.1:5060"))

    def test_what_is_none_of_ours(self) -> None:
        def route(self: Any) -> None:
            for where in ("10.0.0.2", "10.0.0.1:5070", "tls:10.0.0.1", "sctp:10.0.0.1:5060", "", "a b", "udp:"):
                try:
                    self.force_send_socket(where)
                except RouteError as error:
                    said.append(str(error))
            self.ok()

        said = list[str]()
        self.route(route)
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(len(said), 7, said)
        self.assertEqual(said[0], "force_send_socket('10.0.0.2'): the server does not listen there")
        self.assertEqual(said[5], "force_send_socket('a b'): expected [proto:]address[:port]")

    def test_ipv6(self) -> None:
        class Six(Bare):
            listen = ("udp:[2001:db8::1]:5060", "udp:[2001:db8::2]:5060")

            def route(self) -> None:
                self.force_send_socket("udp:[2001:DB8::2]")
                self.rewriteuri("sip:bob@[2001:db8::7]")
                self.tm.t_relay()

        self.start(Six)
        bob = self.phone("bob", "2001:db8::7")
        self.assertEqual(self.ask(host="2001:db8::8", server=("2001:db8::1", 5060)).status, 200)
        self.assertEqual(bob.requests[0].via.host, "2001:db8::2")


class AdvertiseTests(FaceTestCase):
    """set_advertised_address and set_advertised_port: what Via and Record-Route name."""

    def advertised(self, choose: Any, **settings: Any) -> tuple[str, str]:
        """The first parts of the Via and of the Record-Route that the next hop sees."""

        class Office(Bare):
            rr = use(Rr)

            def route(self) -> None:
                choose(self)
                self.rr.record_route()
                self.rewritehostport("10.0.1.1:5060")
                self.tm.t_relay()

        self.start(Office, **settings)
        bob = self.phone("bob")
        self.ask("INFO")
        request = bob.requests[0]
        record = (request.header("record-route") or b"").decode()
        return f"{request.via.host}:{request.via.port}", record.partition(";")[0]

    def test_neither(self) -> None:
        self.assertEqual(self.advertised(lambda self: None), ("10.0.0.1:5060", "<sip:10.0.0.1:5060"))

    def test_address(self) -> None:
        self.assertEqual(
            self.advertised(lambda self: self.set_advertised_address("sip.example")),
            ("sip.example:5060", "<sip:sip.example:5060"),
        )

    def test_port(self) -> None:
        self.assertEqual(
            self.advertised(lambda self: self.set_advertised_port("5080")), ("10.0.0.1:5080", "<sip:10.0.0.1:5080")
        )

    def test_both_in_either_order(self) -> None:
        def first(self: Any) -> None:
            said.append(self.set_advertised_address("192.0.2.1"))
            said.append(self.set_advertised_port(5080))

        def second(self: Any) -> None:
            said.append(self.set_advertised_port(5080))
            said.append(self.set_advertised_address("192.0.2.1"))

        said = list[bool]()
        for choose in (first, second):
            self.assertEqual(self.advertised(choose), ("192.0.2.1:5080", "<sip:192.0.2.1:5080"))
            self.setUp()
        self.assertEqual(said, [True] * 4)

    def test_it_comes_before_the_setting(self) -> None:
        self.assertEqual(
            self.advertised(lambda self: self.set_advertised_address("192.0.2.1"), advertise="198.51.100.1:5090"),
            ("192.0.2.1:5090", "<sip:192.0.2.1:5090"),
        )

    def test_ipv6(self) -> None:
        self.assertEqual(
            self.advertised(lambda self: self.set_advertised_address("2001:db8::1")),
            ("2001:db8::1:5060", "<sip:[2001:db8::1]:5060"),
        )

    def test_it_counts_for_one_request(self) -> None:
        def route(self: Any) -> None:
            if self.method == "INFO":
                self.set_advertised_address("192.0.2.1")
            self.rewritehostport("10.0.1.1:5060")
            self.tm.t_relay()

        self.route(route)
        bob = self.phone("bob")
        self.ask("INFO")
        self.ask("MESSAGE")
        self.assertEqual([request.via.host for request in bob.requests], ["192.0.2.1", "10.0.0.1"])

    def test_a_call_goes_through(self) -> None:
        def route(self: Any) -> None:
            self.set_advertised_address("192.0.2.1")
            self.rewritehostport("10.0.1.1:5060")
            self.tm.t_relay()

        self.route(route)
        bob = self.phone("bob")
        bob.on_call = IncomingCall.answer
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)

    def test_what_is_no_host_or_port(self) -> None:
        def route(self: Any) -> None:
            for host in ("", "a b", "x:5060", "u@h", "h;x=1", "h\r\nX: y"):
                try:
                    self.set_advertised_address(host)
                except RouteError as error:
                    said.append(str(error))
            for port in (0, 65536, "x"):
                try:
                    self.set_advertised_port(port)
                except RouteError as error:
                    said.append(str(error))
            self.ok()

        said = list[str]()
        self.route(route)
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(len(said), 9, said)
        self.assertEqual(said[0], "set_advertised_address(''): expected a host name or an address")
