"""Calls over TCP: which connection is used, and what happens when it is gone (RFC 3261 18)."""

from __future__ import annotations

from typing import Any

from sipexpress.testing import IncomingCall, Phone
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, methods, pause, reject


class Slow(Plain):
    """Takes a second for everything but REGISTER and ACK."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock

    async def route(self) -> Any:
        if self.method not in ("REGISTER", "ACK"):
            await pause(self.clock, 1)
        return await super().route()


def connection(phone: Phone) -> Any:
    """The connection of a phone to the server."""
    return phone.socket.flow_to(HERE)


class TcpCase(CallCase):
    def places(self, phone: Phone) -> set[tuple[str, int]]:
        """Where the server sent to, at the address of a phone."""
        return {packet.destination for packet in self.wire.packets if packet.destination[0] == phone.address[0]}


class ReuseTests(TcpCase):
    def test_one_connection_for_all_that_two_phones_say(self) -> None:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(0.5)
        bob.calls[0].dialog.request("INFO")
        call.dialog.request("UPDATE")
        self.clock.advance(0.5)
        bye = call.bye()
        self.clock.advance(0.5)
        self.assertEqual(bye.status, 200)
        # The call comes over the connection that bob registered by; what follows goes to the Contacts, over one
        # connection to each.
        (invite,) = [packet for packet in self.wire.sent("INVITE") if packet.source[0] == HERE[0]]
        self.assertEqual(invite.destination, connection(bob).local)
        for phone in (alice, bob):
            self.assertEqual(self.places(phone), {connection(phone).local, phone.address})
            self.assertEqual(
                len({packet.source for packet in self.wire.packets if packet.destination == phone.address}), 1
            )
        self.assert_empty()

    def test_a_phone_whose_connection_is_gone_is_called_where_it_listens(self) -> None:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        connection(bob).close()
        call = alice.invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(call.status, 180)
        self.assertIn(bob.address, self.places(bob))

    def test_a_phone_that_is_gone_altogether(self) -> None:
        """No need to wait for a timer (17.1.4, 16.9)."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        bob.socket.stop()
        call = alice.invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [100, 500])
        self.assert_empty()

    def test_an_alias(self) -> None:
        """RFC 5923: force_tcp_alias makes the connection good for requests to the port of the Via."""

        class Aliasing(Plain):
            async def route(self) -> Any:
                self.force_tcp_alias()
                if self.method == "REGISTER":
                    return self.sl.sl_send_reply(200, "OK")
                return self.relay()

        self.server = self.serve(Aliasing)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        call = alice.invite(f"sip:bob@{bob.address[0]}:5060;transport=tcp")
        self.clock.advance(0.5)
        self.assertEqual(call.status, 180)
        self.assertEqual(self.places(bob), {connection(bob).local})


class ClosedTests(TcpCase):
    def test_the_reply_goes_to_where_the_caller_listens(self) -> None:
        """TRN-14: to its address, and the port of its Via."""
        self.server = self.serve(Slow(self.clock))
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        bob.on_call = IncomingCall.answer
        message = alice.request("MESSAGE", "bob")
        call = alice.invite("bob")
        self.clock.advance(0.5)
        connection(alice).close()
        self.clock.advance(1)
        self.assertEqual(message.status, 200)
        self.assertEqual(call.statuses, [100, 200])
        self.assertIn(alice.address, self.places(alice))
        self.assert_empty()

    def test_a_stateless_reply_too(self) -> None:
        self.server = self.serve(Slow(self.clock))
        (alice,) = self.registered("alice", protocol="TCP")
        message = alice.request("MESSAGE", "nobody")
        self.clock.advance(0.5)
        connection(alice).close()
        self.clock.advance(1)
        self.assertEqual(message.status, 404)

    def test_the_caller_does_not_listen(self) -> None:
        """The reply is lost; the transaction stays as long as it has to, and no longer."""
        self.server = self.serve(Slow(self.clock))
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        bob.on_call = reject(486)
        alice.invite("bob")
        self.clock.advance(0.5)
        alice.socket.stop()
        self.clock.advance(2)
        self.assertEqual(methods(bob), ["INVITE", "ACK"])
        self.assertGreater(self.server.counters["send_failures"], 0)
        self.assert_empty()

    def test_the_callee_answers_over_a_new_connection(self) -> None:
        """It lost the one that the INVITE came by, and connects to the port of our Via (18.2.2)."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        call = alice.invite("bob")
        self.clock.advance(0.5)
        connection(bob).close()
        bob.calls[0].answer()
        self.clock.advance(0.5)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].acknowledged)
        self.assert_empty()

    def test_somebody_else_does_not_answer_for_it(self) -> None:
        """Neither while its connection lives, nor from elsewhere when it is gone."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        neighbor = self.phone("neighbor", bob.address[0], 5070, protocol="TCP")
        mallory = self.phone("mallory", protocol="TCP")
        call = alice.invite("bob")
        self.clock.advance(0.5)
        ringing = next(packet.data for packet in self.wire.sent("SIP/2.0 180") if packet.destination == HERE)
        forged = ringing.replace(b"180 Ringing", b"200 OK")
        neighbor.send_raw(forged, HERE)
        self.clock.advance(0.2)
        connection(bob).close()
        mallory.send_raw(forged, HERE)
        self.clock.advance(0.2)
        self.assertEqual(call.status, 180)
        self.assertEqual(self.server.counters["misdirected_responses"], 2)

    def test_a_request_in_a_dialog_after_the_callers_connection_is_gone(self) -> None:
        """RTE-14: a new connection to its Contact, or a quick failure."""
        for listens, status in ((True, 200), (False, 500)):
            self.setUp()
            self.server = self.serve(Plain)
            (alice,) = self.registered("alice", protocol="TCP")
            (bob,) = self.registered("bob")
            bob.on_call = IncomingCall.answer
            alice.invite("bob")
            self.clock.advance(0.5)
            if listens:
                connection(alice).close()
            else:
                alice.socket.stop()
            bye = bob.calls[0].dialog.bye()
            self.clock.advance(0.5)
            self.assertEqual(bye.status, status)
            self.doCleanups()

    def test_a_canceled_call_after_the_callees_connection_is_gone(self) -> None:
        """The CANCEL opens a new one."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob", protocol="TCP")
        call = alice.invite("bob")
        self.clock.advance(0.5)
        connection(bob).close()
        call.cancel()
        self.clock.advance(40)
        self.assertEqual(call.status, 487)
        self.assert_empty()


class MixTests(TcpCase):
    def mixed(self, first: str, second: str) -> None:
        self.setUp()
        self.server = self.serve(Plain)
        (alice,) = self.registered("alice", protocol=first)
        (bob,) = self.registered("bob", protocol=second)
        call = alice.invite("bob")
        self.clock.advance(0.5)
        bob.calls[0].answer()
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [100, 180, 200])
        self.assertTrue(bob.calls[0].acknowledged)
        for exchange in (
            call.dialog.request("INVITE", body=b"v=0\r\n"),
            bob.calls[0].dialog.request("INFO"),
            bob.calls[0].dialog.request("BYE"),
        ):
            self.clock.advance(0.5)
            self.assertEqual(exchange.status, 200)
        invite = bob.calls[0].request
        self.assertEqual(
            [via.split()[0] for via in invite.header_values("via")],
            [b"SIP/2.0/" + second.encode(), b"SIP/2.0/" + first.encode()],
        )
        records = invite.header_values("record-route")
        self.assertEqual(
            [b"transport=tcp" in record for record in records],
            ([second == "TCP", first == "TCP"] if first != second else [first == "TCP"]),
        )
        self.assert_empty()
        self.doCleanups()

    def test_every_pair_of_transports(self) -> None:
        for first in ("UDP", "TCP"):
            for second in ("UDP", "TCP"):
                self.mixed(first, second)

    def test_a_fork_to_one_phone_over_each(self) -> None:
        self.server = self.serve(Plain)
        (over_udp,) = self.phones("bob", IncomingCall.ring)
        (over_tcp,) = self.phones("bob", IncomingCall.ring, protocol="TCP")
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [100, 180, 180])
        self.assertEqual(
            [len(phone.calls[0].request.header_values("record-route")) for phone in (over_udp, over_tcp)], [1, 2]
        )
        over_tcp.calls[0].answer()
        self.clock.advance(0.5)
        self.assertTrue(over_udp.calls[0].canceled)
        bye = call.bye()
        self.clock.advance(0.5)
        self.assertEqual(bye.status, 200)
        self.assert_empty()
