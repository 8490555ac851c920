"""Next hops by name: delay, failure, and what the caller learns (RFC 3261 16.6 step 7, 16.9; RFC 3263)."""

from __future__ import annotations

from typing import Any

from sipexpress import failure_route
from sipexpress.testing import IncomingCall
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, methods, reject


class NameTests(CallCase):
    def setUp(self) -> None:
        super().setUp()
        self.names.table["far.example"] = ["10.0.9.9"]
        self.far = self.phone("bob", "10.0.9.9")

    def test_a_look_up_blocks_nobody(self) -> None:
        self.names.delay = 3
        self.server = self.serve(Plain)
        alice, _ = self.registered("alice", "bob")
        slow = alice.invite("sip:bob@far.example")
        fast = alice.invite("bob")
        self.clock.advance(0.5)
        self.assertEqual((slow.statuses, fast.statuses), ([100], [100, 180]))
        self.clock.advance(3)
        self.assertEqual(slow.statuses, [100, 180])
        self.assertEqual(len(self.far.calls), 1)

    def test_the_invite_is_retransmitted_meanwhile(self) -> None:
        self.names.delay = 3
        self.server = self.serve(Plain)
        alice = self.phone("alice")
        self.wire.lose = lambda packet: packet.start_line.startswith("SIP/2.0 100")
        call = alice.invite("sip:bob@far.example")
        self.clock.advance(3.4)
        self.assertEqual(len(self.far.calls), 1)
        self.assertEqual(len(self.wire.sent("INVITE", HERE)), 1)
        self.assertEqual(len(self.to(alice, "SIP/2.0 100")), 3)
        self.assertEqual(call.status, 180)

    def test_the_targets_of_srv_records(self) -> None:
        """What the resolver says counts: protocol, address, port."""
        for place, protocol in (("UDP", "UDP"), ("TCP", "TCP")):
            phone = self.phone("bob", f"10.0.8.{len(place) + ord(place[0])}", 5070, protocol=protocol)
            self.names.table["srv.example"] = [(place, phone.address[0], 5070)]
            self.setUp_server()
            call = self.phone("alice").invite("sip:bob@srv.example")
            self.clock.advance(0.3)
            self.assertEqual(call.status, 180)
            self.assertEqual(phone.calls[0].request.via.transport, protocol)

    def setUp_server(self) -> None:
        if not hasattr(self, "server"):
            self.server = self.serve(Plain)

    def test_an_aaaa_record(self) -> None:
        class DualStack(Plain):
            listen = ("udp:10.0.0.1:5060", "udp:[2001:db8::1]:5060")

        self.names.table["six.example"] = ["2001:db8::9"]
        self.server = self.serve(DualStack)
        six = self.phone("bob", "2001:db8::9")
        call = self.phone("alice").invite("sip:bob@six.example")
        self.clock.advance(0.3)
        self.assertEqual(call.status, 180)
        self.assertEqual(six.calls[0].request.via.host, "2001:db8::1")

    def test_an_address_that_no_socket_fits_is_passed_over(self) -> None:
        self.names.table["both.example"] = ["2001:db8::9", "10.0.9.9"]
        self.server = self.serve(Plain)
        call = self.phone("alice").invite("sip:bob@both.example")
        self.clock.advance(0.3)
        self.assertEqual(call.status, 180)

    def test_no_address_fits(self) -> None:
        self.names.table["six.example"] = ["2001:db8::9"]
        self.server = self.serve(Plain)
        call = self.phone("alice").invite("sip:bob@six.example")
        self.clock.advance(0.3)
        self.assertEqual(call.statuses, [100, 477])
        self.assert_empty()

    def test_a_name_that_does_not_exist(self) -> None:
        for delay in (0, 2):
            self.names.delay = delay
            self.setUp_server()
            call = self.phone("alice").invite("sip:bob@nowhere.example")
            message = self.phone("alice").request("MESSAGE", "sip:bob@nowhere.example")
            self.clock.advance(delay + 0.3)
            self.assertEqual((call.statuses, message.statuses), ([100, 478], [478]))
        self.assert_empty()

    def test_one_of_two_names_does_not_exist(self) -> None:
        class Both(Plain):
            def relay(self) -> Any:
                if self.method == "INVITE":
                    self.append_branch("sip:bob@nowhere.example")
                return super().relay()

        self.names.delay = 1
        self.server = self.serve(Both)
        self.phones("bob", reject(486))
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 478])
        self.assert_empty()

    def test_a_failure_route_after_a_name_that_does_not_exist(self) -> None:
        class Retrying(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("retry")
                return await super().route()

            @failure_route
            def retry(self) -> None:
                seen.append((self.status, self.reply))
                self.append_branch("sip:bob@far.example")
                self.tm.t_relay()

        seen = list[Any]()
        self.server = self.serve(Retrying)
        self.far.on_call = IncomingCall.answer
        call = self.phone("alice").invite("sip:bob@nowhere.example")
        self.clock.advance(0.5)
        self.assertEqual((seen, call.statuses), ([("478", None)], [100, 200]))

    def test_a_uri_that_cannot_be_routed(self) -> None:
        self.server = self.serve(Plain)
        alice = self.phone("alice")
        for uri in ("tel:+49301234", "mailto:bob@example.com", "sip:bob@10.0.9.9;transport=carrier-pigeon"):
            exchange = alice.request("MESSAGE", uri)
            self.clock.advance(0.3)
            self.assertEqual(exchange.statuses, [479], uri)

    def test_sips_is_never_sent_in_the_clear(self) -> None:
        """TRN-22: there is no TLS yet."""
        self.server = self.serve(Plain)
        call = self.phone("alice").invite("sips:bob@10.0.9.9")
        self.clock.advance(0.3)
        self.assertEqual(call.statuses, [100, 477])
        self.assertEqual(self.far.received_messages, [])

    def test_a_transport_without_a_socket(self) -> None:
        class UdpOnly(Plain):
            listen = ("udp:5060",)

        self.server = self.serve(UdpOnly)
        call = self.phone("alice").invite("sip:bob@10.0.9.9;transport=tcp")
        self.clock.advance(0.3)
        self.assertEqual(call.statuses, [100, 477])

    def test_cancel_goes_to_where_the_invite_went(self) -> None:
        """DNS-10: whatever the name means by then."""
        self.server = self.serve(Plain)
        call = self.phone("alice").invite("sip:bob@far.example")
        self.clock.advance(0.3)
        self.names.table["far.example"] = ["10.0.9.10"]
        call.cancel()
        self.clock.advance(0.3)
        self.assertEqual(methods(self.far), ["INVITE", "CANCEL", "ACK"])

    def test_the_server_stops_during_a_look_up(self) -> None:
        self.names.delay = 20
        self.server = self.serve(Plain)
        call = self.phone("alice").invite("sip:bob@far.example")
        self.clock.advance(1)
        self.successResultOf(self.server.stopService())
        self.clock.advance(60)
        self.assertEqual((call.statuses, self.far.calls), ([100], []))


class UnreachableTests(CallCase):
    def test_nobody_listens(self) -> None:
        """ICT-13: 503 of the branch, 500 upstream; a message learns it as fast as a call."""
        self.server = self.serve(Plain)
        for protocol in ("udp", "tcp"):
            uri = f"sip:bob@10.9.9.9;transport={protocol}"
            call = self.phone("alice").invite(uri)
            message = self.phone("alice").request("MESSAGE", uri)
            self.clock.advance(0.3)
            self.assertEqual((call.statuses, message.statuses), ([100, 500], [500]))
        self.assert_empty()

    def test_an_error_after_the_first_response_counts_for_nothing(self) -> None:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = lambda call: call.reply(100)
        call = alice.invite("bob")
        self.clock.advance(0.2)
        (invite,) = self.wire.sent("INVITE", HERE)
        socket = self.server.sockets[0]
        self.server.send_failed(socket.flow_to(bob.address), invite.data[:300], "port unreachable")
        self.clock.advance(0.2)
        self.assertEqual(call.statuses, [100])
        bob.calls[0].ring()
        self.clock.advance(0.2)
        self.assertEqual(call.status, 180)

    def test_an_error_of_another_address_counts_for_nothing(self) -> None:
        """ICMP can be forged: it has to quote the branch, and come from where the request went."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = lambda call: None
        call = alice.invite("bob")
        self.clock.advance(0.2)
        (invite,) = self.wire.sent("INVITE", HERE)
        socket = self.server.sockets[0]
        self.server.send_failed(socket.flow_to(("10.0.7.7", 5060)), invite.data[:300], "port unreachable")
        wrong = invite.data[:300].replace(b"branch=z9hG4bK", b"branch=z9hG4bKx")
        self.server.send_failed(socket.flow_to(bob.address), wrong, "port unreachable")
        self.clock.advance(0.2)
        self.assertEqual(call.statuses, [100])

    def test_an_error_of_a_reply_changes_nothing(self) -> None:
        """IST-16 (RFC 6026 7.1): the retransmission of the INVITE is still absorbed."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(0.2)
        reply = self.to(alice, "SIP/2.0 180")[0]
        self.server.send_failed(self.server.sockets[0].flow_to(alice.address), reply.data[:300], "port unreachable")
        alice.send_raw(call.request.raw, HERE)
        self.clock.advance(0.2)
        self.assertEqual(len(bob.calls), 1)
        bob.calls[0].answer()
        self.clock.advance(0.2)
        self.assertEqual(call.status, 200)
