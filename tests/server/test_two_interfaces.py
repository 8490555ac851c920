"""One server on several sockets: addresses, families, transports, and an advertised name."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Sl
from sipexpress.testing import IncomingCall, OutgoingCall, Phone
from tests.routers import Plain
from tests.server.behavior import CallCase, methods, reject

INSIDE = ("10.0.0.1", 5060)
OUTSIDE = ("192.168.0.1", 5060)


class Border(Plain):
    """Between two networks: what comes in on one side leaves by the other."""

    listen = ("udp:10.0.0.1:5060", "udp:192.168.0.1:5060", "tcp:10.0.0.1:5060", "tcp:192.168.0.1:5060")

    async def route(self) -> Any:
        there = "192.168.0.1" if self.src_ip == "10.0.0.0/8" else "10.0.0.1"
        self.force_send_socket(f"{there}:5060")
        return await super().route()


class DualStack(Plain):
    listen = ("udp:10.0.0.1:5060", "udp:[2001:db8::1]:5060", "tcp:10.0.0.1:5060", "tcp:[2001:db8::1]:5060")


class InterfaceCase(CallCase):
    def answered(self, alice: Phone, bob: Phone) -> OutgoingCall:
        """alice calls bob, who answers."""
        call = alice.invite(f"sip:bob@{bob.domain}")
        self.clock.advance(0.5)
        bob.calls[0].answer()
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [100, 180, 200])
        self.assertTrue(bob.calls[0].acknowledged)
        return call

    def talked(self, call: OutgoingCall, bob: Phone) -> None:
        """Requests inside the dialog go both ways, and end it (RTE-11)."""
        for exchange in (
            call.dialog.request("INVITE", body=b"v=0\r\n"),
            bob.calls[0].dialog.request("INVITE", body=b"v=0\r\n"),
            call.dialog.request("INFO"),
            bob.calls[0].dialog.request("UPDATE"),
            call.dialog.request("REFER"),
            call.bye(),
        ):
            self.clock.advance(0.5)
            self.assertEqual(exchange.status, 200, exchange.request.method)


class TwoNetworksTests(InterfaceCase):
    def test_both_ways_each_side_sees_its_own_address_only(self) -> None:
        self.server = self.serve(Border)
        for protocol, host in (("UDP", "192.168.0.7"), ("TCP", "192.168.0.8")):
            (alice,) = self.registered(f"alice{protocol}", protocol=protocol)
            bob = self.phone("bob", host, server=OUTSIDE, protocol=protocol)
            bob.register()
            self.clock.advance(0.1)
            call = self.answered(alice, bob)
            self.assertEqual(len(call.dialog.routes), 2)
            self.assertIn("10.0.0.1", call.dialog.routes[0])
            self.assertIn("192.168.0.1", bob.calls[0].dialog.routes[0])
            self.assertTrue(all(";r2=on" in route for route in call.dialog.routes))
            self.talked(call, bob)
            for phone, side in ((alice, INSIDE), (bob, OUTSIDE)):
                to = [packet for packet in self.wire.packets if packet.destination[0] == phone.address[0]]
                self.assertEqual({packet.source[0] for packet in to}, {side[0]})
            invite = bob.calls[0].request
            self.assertIn(b"192.168.0.1", invite.header_values("via")[0])
            bob.register(expires=0)
            self.clock.advance(0.1)
        self.assert_empty()

    def test_both_entries_are_removed_in_one_pass(self) -> None:
        """RTE-05."""
        self.server = self.serve(Border)
        (alice,) = self.registered("alice")
        bob = self.phone("bob", "192.168.0.7", server=OUTSIDE)
        bob.register()
        self.clock.advance(0.1)
        call = self.answered(alice, bob)
        call.bye()
        self.clock.advance(0.5)
        self.assertFalse(bob.requests[-1].has_header("route"))

    def test_cancel_and_ack_leave_by_the_socket_of_the_invite(self) -> None:
        """DNS-10."""
        self.server = self.serve(Border)
        (alice,) = self.registered("alice")
        bob = self.phone("bob", "192.168.0.7", server=OUTSIDE)
        bob.register()
        self.clock.advance(0.1)
        call = alice.invite("sip:bob@192.168.0.1")
        self.clock.advance(0.5)
        call.cancel()
        self.clock.advance(0.5)
        self.assertEqual(methods(bob), ["INVITE", "CANCEL", "ACK"])
        self.assertEqual({packet.source for packet in self.to(bob)}, {OUTSIDE})
        self.assertEqual({packet.source for packet in self.to(alice)}, {INSIDE})

    def test_a_response_on_the_other_socket_is_not_taken(self) -> None:
        """A reply is taken only on the socket its request left by."""
        self.server = self.serve(Border)
        (alice,) = self.registered("alice")
        bob = self.phone("bob", "192.168.0.7", server=OUTSIDE)
        bob.register()
        self.clock.advance(0.1)
        call = alice.invite("sip:bob@192.168.0.1")
        self.clock.advance(0.5)
        (ringing,) = self.wire.sent("SIP/2.0 180", bob.address)
        bob.send_raw(ringing.data.replace(b"180 Ringing", b"200 OK"), INSIDE)
        self.clock.advance(0.5)
        self.assertEqual(call.status, 180)
        self.assertEqual(self.server.counters["misdirected_responses"], 1)

    def test_without_a_choice_it_leaves_by_the_socket_it_came_to(self) -> None:
        class Plainly(Plain):
            listen = Border.listen

        self.server = self.serve(Plainly)
        alice = self.phone("alice", server=OUTSIDE)
        bob = self.phone("bob", server=INSIDE)
        bob.register()
        self.clock.advance(0.1)
        call = alice.invite("sip:bob@10.0.0.1")
        self.clock.advance(0.5)
        self.assertEqual(call.status, 180)
        self.assertEqual({packet.source for packet in self.to(bob, "INVITE")}, {OUTSIDE})

    def test_each_address_is_the_server_itself(self) -> None:
        class Asking(sipexpress.Router):
            listen = Border.listen
            sl = use(Sl)

            def route(self) -> None:
                self.sl.sl_send_reply(200, f"{self.uri == self.myself} {self.dst_ip} {self.proto}")

        self.server = self.serve(Asking)
        for host, mine in (("10.0.0.1", True), ("192.168.0.1", True), ("10.0.0.2", False), ("10.0.0.1:5070", False)):
            exchange = self.phone("alice", server=OUTSIDE).request("MESSAGE", f"sip:bob@{host}")
            self.clock.advance(0.1)
            self.assertEqual(exchange.response.reason, f"{mine} 192.168.0.1 udp")

    def test_a_strict_router_puts_either_address_into_the_request_uri(self) -> None:
        """RTE-06, with two entries of ours (16.4)."""
        self.server = self.serve(Border)
        (alice,) = self.registered("alice")
        bob = self.phone("bob", "192.168.0.7", server=OUTSIDE)
        bob.register()
        self.clock.advance(0.1)
        call = self.answered(alice, bob)
        dialog = call.dialog
        dialog.routes = [route.replace(";lr", "") for route in dialog.routes]
        bye = dialog.bye()
        self.clock.advance(0.5)
        self.assertEqual(bye.status, 200)
        self.assertEqual(bob.requests[-1].raw_uri, b"sip:bob@192.168.0.7:5060")
        self.assertFalse(bob.requests[-1].has_header("route"))


class TwoFamiliesTests(InterfaceCase):
    def test_every_pair_of_families_and_transports(self) -> None:
        """TRN-23, TRN-25, PAR-22."""
        ways = [(family, protocol) for family in (4, 6) for protocol in ("UDP", "TCP")]
        for one in ways:
            for two in ways:
                self.setUp()
                self.server = self.serve(DualStack)
                alice, bob = self.stack_phone("alice", 1, *one), self.stack_phone("bob", 2, *two)
                call = self.answered(alice, bob)
                self.assertEqual(len(call.dialog.routes), 1 if one == two else 2, (one, two))
                self.talked(call, bob)
                self.assert_empty()
                self.doCleanups()

    def stack_phone(self, user: str, number: int, family: int, protocol: str) -> Phone:
        host, server = (f"10.0.3.{number}", INSIDE) if family == 4 else (f"2001:db8::1:{number}", ("2001:db8::1", 5060))
        phone = self.phone(user, host, server=server, protocol=protocol)
        phone.register()
        self.clock.advance(0.1)
        return phone

    def test_received_has_no_brackets(self) -> None:
        self.server = self.serve(DualStack)
        bob = self.stack_phone("bob", 2, 4, "UDP")
        alice = self.phone("alice", "2001:db8::5", server=("2001:db8::1", 5060))
        alice.invite("sip:bob@[2001:db8::1]")
        self.clock.advance(0.2)
        self.assertIn(b";received=2001:db8::5;rport=5060", bob.calls[0].request.header_values("via")[1])

    def test_a_family_without_a_socket(self) -> None:
        self.server = self.serve(Plain)
        call = self.phone("alice").invite("sip:bob@[2001:db8::9]")
        self.clock.advance(0.2)
        self.assertEqual(call.statuses, [100, 477])
        self.assert_empty()

    def test_a_fork_into_both_families(self) -> None:
        self.server = self.serve(DualStack)
        four, six = self.stack_phone("bob", 1, 4, "UDP"), self.stack_phone("bob", 2, 6, "UDP")
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.2)
        self.assertEqual(call.statuses, [100, 180, 180])
        six.calls[0].answer()
        self.clock.advance(0.2)
        self.assertTrue(four.calls[0].canceled)
        self.talked(call, six)
        self.assert_empty()


class AdvertiseTests(InterfaceCase):
    """Behind 1:1 NAT: others know the server by another address than its socket's."""

    def test_via_and_record_route_and_myself(self) -> None:
        self.server = self.serve(Plain, advertise="203.0.113.9")
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("sip:bob@203.0.113.9")
        self.clock.advance(0.2)
        invite = bob.calls[0].request
        self.assertEqual(invite.via.host, "203.0.113.9")
        self.assertEqual(invite.via.port, 5060)
        self.assertIn(b"<sip:203.0.113.9:5060;", invite.header("record-route") or b"")
        lines = [line for key, line in invite.header_lines() if key not in ("from", "to")]
        self.assertNotIn(b"10.0.0.1", b"".join(lines))
        bob.calls[0].answer()
        self.clock.advance(0.2)
        self.assertEqual(call.status, 200)

    def test_with_a_name_and_a_port(self) -> None:
        self.server = self.serve(Plain, advertise="sip.example.com:5080")
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("sip:bob@sip.example.com:5080")
        self.clock.advance(0.2)
        self.assertIn(b"sip.example.com:5080;branch=", bob.calls[0].request.header_values("via")[0])
        bob.calls[0].answer()
        self.clock.advance(0.2)
        # The phone's routes name the advertised place; it sends by its outbound proxy.
        bye = call.bye()
        self.clock.advance(0.2)
        self.assertEqual(bye.status, 200)
        self.assertFalse(bob.requests[-1].has_header("route"))
        self.assert_empty()

    def test_its_own_address_still_counts(self) -> None:
        self.server = self.serve(Plain, advertise="203.0.113.9")
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("sip:bob@10.0.0.1")
        self.clock.advance(0.2)
        self.assertEqual(call.status, 180)
        self.assertEqual(len(bob.calls), 1)

    def test_failures_and_cancel_carry_it_too(self) -> None:
        self.server = self.serve(Plain, advertise="203.0.113.9")
        one, two = self.phones("bob", reject(486), IncomingCall.ring)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.2)
        call.cancel()
        self.clock.advance(0.2)
        self.assertEqual(methods(one) + methods(two), ["INVITE", "ACK", "INVITE", "CANCEL", "ACK"])
        self.assertEqual({request.via.host for request in one.requests + two.requests}, {"203.0.113.9"})
