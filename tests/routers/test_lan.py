"""Lan: what a local phone may do, and what it may not."""

from __future__ import annotations

from typing import Any

from sipexpress.routers import Lan
from sipexpress.routers.lan import is_local
from sipexpress.testing import IncomingCall, Phone, RouterTestCase


class LanTestCase(RouterTestCase):
    """A Lan at 10.0.0.1."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(Lan, trusted=["10.7.0.0/16"])

    def call(self) -> tuple[Phone, Phone, Any]:
        """Alice talks to Bob."""
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        return alice, bob, call

    def sent_to(self, host: str) -> list[str]:
        """The start lines of what the server sent to an address."""
        return [
            packet.start_line
            for packet in self.wire.packets
            if packet.destination[0] == host and packet.source[0] == "10.0.0.1"
        ]


class PhoneTests(LanTestCase):
    def test_a_call_from_ringing_to_the_end(self) -> None:
        alice, bob, call = self.call()
        self.assertTrue(bob.calls[0].acknowledged)
        for exchange in (call.dialog.request("INFO"), bob.calls[0].dialog.request("INFO"), call.bye()):
            self.clock.advance(1)
            self.assertEqual(exchange.status, 200)
        self.assertEqual([request.method for request in alice.requests], ["INFO"])
        self.assertEqual([request.method for request in bob.requests], ["INVITE", "ACK", "INFO", "BYE"])
        self.clock.advance(64)
        self.assertEqual((self.server.servers.count, self.server.clients.count), (0, 0))

    def test_a_caller_gives_up(self) -> None:
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(1)
        self.assertEqual(call.status, 487)
        self.assertTrue(bob.calls[0].canceled)

    def test_an_unknown_user(self) -> None:
        call = self.phone("alice").invite("nobody")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [404])

    def test_too_many_hops(self) -> None:
        alice, _ = self.registered("alice", "bob")
        data = alice._new("INVITE", "sip:bob@10.0.0.1", [], b"").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
        exchange = alice.send(data, alice.server)
        self.clock.advance(1)
        self.assertEqual(exchange.status, 483)

    def test_a_phone_goes_away(self) -> None:
        alice, bob = self.registered("alice", "bob")
        self.assertEqual(self.status(bob.register(0, contact="*")), 200)
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 404)

    def status(self, exchange: Any) -> int:
        self.clock.advance(1)
        return int(exchange.status)

    def test_a_pre_loaded_route_to_the_server_does_no_harm(self) -> None:
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob", [("Route", "<sip:10.0.0.1;lr>")])
        self.clock.advance(1)
        self.assertEqual(call.status, 180)
        self.assertIsNone(bob.calls[0].request.header("route"))
        registered = bob.register(headers=[("Route", "<sip:10.0.0.1;lr>")])
        self.assertEqual(self.status(registered), 200)


class ContactTests(LanTestCase):
    """REGISTER accepts nothing but the phone's own address."""

    def status(self, contact: str, expires: int = 3600) -> int:
        exchange = self.phone("bob").register(expires, contact=contact)
        self.clock.advance(0.1)
        return exchange.status

    def test_own_address_with_another_port(self) -> None:
        self.assertEqual(self.status("<sip:bob@10.0.1.1:6000>"), 200)

    def test_other_addresses(self) -> None:
        for contact in (
            "<sip:bob@10.0.1.99>",
            "<sip:bob@10.0.0.1>",
            "<sip:bob@8.8.8.8>",
            "<sip:bob@bob.example>",
            "<sip:bob@localhost>",
            "<sip:bob@[::1]>",
            "<tel:+123>",
            "<mailto:bob@example.com>",
        ):
            self.assertEqual(self.status(contact), 403, contact)

    def test_another_way_to_the_own_address(self) -> None:
        own = self.phone("bob")
        for contact in (f"<sip:bob@{own.address[0]};maddr=8.8.8.8>", f"<sip:bob@{own.address[0]}>, <sip:b@8.8.8.8>"):
            exchange = own.register(contact=contact)
            self.clock.advance(0.1)
            self.assertEqual(exchange.status, 403, contact)

    def test_malformed_is_the_phones_fault(self) -> None:
        for contact in (
            "<sip:bob@>",
            "bob",
            "<sip:bob@10.0.1.1",
            '"bob <sip:bob@10.0.1.1>',
            "<sip:bob@10.0.1.1:99999>",
        ):
            self.assertEqual(self.status(contact), 400, contact)
        self.assertEqual(self.server.counters["route_errors"], 0)

    def test_malformed_to(self) -> None:
        bob = self.phone("bob")
        data = bob.compose("REGISTER", "sip:10.0.0.1", "<sip:bob@10.0.0.1>;tag=1", "<bob", "call", 1)
        exchange = bob.send(data, bob.server)
        self.clock.advance(0.1)
        self.assertEqual(exchange.status, 400)

    def test_star_with_another_contact(self) -> None:
        self.assertEqual(self.status("*, <sip:bob@10.0.1.1>", 0), 400)

    def test_what_names_the_server_itself_is_refused_even_from_there(self) -> None:
        """A program beside the server has the server's address as its own."""
        beside = self.phone("bob", "10.0.0.1", 5070)
        for contact, code in (("<sip:bob@10.0.0.1>", 403), ("<sip:bob@10.0.0.1:5070>", 200)):
            exchange = beside.register(contact=contact)
            self.clock.advance(0.1)
            self.assertEqual(exchange.status, code, contact)


class DialogTests(LanTestCase):
    """A marked dialog is good for the dialog, and not for other places."""

    def test_a_target_outside_the_local_network(self) -> None:
        _, _, call = self.call()
        for target in ("sip:x@8.8.8.8", "sip:x@victim.example", "sip:x@10.0.1.2;maddr=8.8.8.8", "sip:x@[2001:db8::1]"):
            self.names.table["victim.example"] = ["8.8.8.8"]
            call.dialog.target = target
            exchange = call.dialog.request("MESSAGE")
            self.clock.advance(1)
            self.assertEqual(exchange.status, 403, target)
        self.assertEqual(self.sent_to("8.8.8.8"), [])

    def test_a_route_outside_the_local_network(self) -> None:
        _, _, call = self.call()
        first = call.dialog.routes[0]
        for route in ("<sip:8.8.8.8;lr>", "<sip:8.8.8.8>", "<sip:10.0.1.2;maddr=8.8.8.8;lr>"):
            call.dialog.routes = [first, route]
            exchange = call.dialog.request("MESSAGE")
            self.clock.advance(1)
            self.assertEqual(exchange.status, 403, route)
        self.assertEqual(self.sent_to("8.8.8.8"), [])

    def test_a_strict_route_outside_the_local_network(self) -> None:
        _, _, call = self.call()
        mark = call.dialog.routes[0].strip("<>").replace(";lr", "")
        call.dialog.target, call.dialog.routes = mark, ["<sip:x@8.8.8.8;lr>"]
        data = call.phone.compose(
            "MESSAGE",
            mark,
            call.dialog.local,
            call.dialog.remote,
            call.dialog.call_id,
            7,
            routes=["<sip:x@8.8.8.8;lr>"],
        )
        exchange = call.phone.send(data, call.phone.server)
        self.clock.advance(1)
        self.assertEqual(exchange.status, 403)
        self.assertEqual(self.sent_to("8.8.8.8"), [])

    def test_an_ack_out_of_the_local_network_is_dropped_and_counted(self) -> None:
        _, _, call = self.call()
        call.dialog.target = "sip:x@8.8.8.8"
        before = len(self.wire.sent("", ("10.0.0.1", 5060)))
        call.dialog.request("ACK", cseq=1)
        self.clock.advance(1)
        self.assertEqual(len(self.wire.sent("", ("10.0.0.1", 5060))), before)
        self.assertEqual(self.server.counters["dropped_acks"], 1)

    def test_refer_of_the_own_people(self) -> None:
        _, bob, call = self.call()
        exchange = call.dialog.request("REFER", [("Refer-To", "<sip:carol@10.0.0.1>")])
        self.clock.advance(1)
        self.assertEqual(exchange.status, 200)
        self.assertEqual(bob.requests[-1].method, "REFER")

    def refer(self, host: str) -> int:
        """A REFER inside a dialog, from a phone that says it belongs to another domain."""
        bob = self.registered("bob")[0]
        bob.on_call = IncomingCall.answer
        foreign = self.phone("eve", host, domain="elsewhere.example")
        call = foreign.invite("sip:bob@10.0.0.1")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        exchange = call.dialog.request("REFER", [("Refer-To", "<sip:premium@10.0.0.1>")])
        self.clock.advance(1)
        return exchange.status

    def test_refer_of_a_foreign_party(self) -> None:
        self.assertEqual(self.refer("10.0.5.5"), 403)

    def test_refer_of_a_trusted_peer(self) -> None:
        self.assertEqual(self.refer("10.7.5.5"), 200)

    def test_a_dialog_goes_on_when_the_callee_has_gone(self) -> None:
        """Nothing but the mark is needed: no registration, no memory of the call."""
        _, bob, call = self.call()
        bob.register(0, contact="*")
        self.clock.advance(100)
        exchange = call.bye()
        self.clock.advance(1)
        self.assertEqual(exchange.status, 200)


class Ipv6Tests(RouterTestCase):
    HOST = "fd00::1"

    def setUp(self) -> None:
        super().setUp()
        self.serve(Lan, host=self.HOST)

    def phone6(self, user: str, host: str) -> Phone:
        return self.phone(user, host, server=(self.HOST, 5060))

    def test_a_call(self) -> None:
        alice, bob = self.phone6("alice", "fd00::a"), self.phone6("bob", "fd00::b")
        for phone in (alice, bob):
            exchange = phone.register()
            self.clock.advance(0.1)
            self.assertEqual(exchange.status, 200)
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].acknowledged)
        bye = call.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)

    def test_the_own_address_in_other_words(self) -> None:
        bob = self.phone6("bob", "fd00::b")
        for host, code in (("[FD00::B]", 200), ("[fd00:0:0:0:0:0:0:b]", 200), ("[fd00::c]", 403), ("10.0.0.9", 403)):
            exchange = bob.register(contact=f"<sip:bob@{host}>")
            self.clock.advance(0.1)
            self.assertEqual(exchange.status, code, host)

    def test_a_stranger(self) -> None:
        exchange = self.phone6("eve", "2a00::1").register()
        self.clock.advance(0.1)
        self.assertEqual(exchange.status, 403)


class LocalTests(RouterTestCase):
    """Which addresses are local: the same ones with every version of Python."""

    def test_local(self) -> None:
        for address in (
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.254",
            "192.168.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.7.7",
            "::1",
            "fd12:3456::1",
            "fe80::1",
            "fe80::1%eth0",
            "::ffff:192.168.0.1",
        ):
            self.assertTrue(is_local(address), address)

    def test_not_local(self) -> None:
        for address in (
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "100.64.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "240.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "255.255.255.255",
            "224.0.1.75",
            "::",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:db8::1",
            "2a00::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
            "::10.0.0.1",
            "::ffff:8.8.8.8",
        ):
            self.assertFalse(is_local(address), address)
