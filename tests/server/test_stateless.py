"""Forwarding without a transaction (RFC 3261 16.11), there and back."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Maxfwd, Sl
from sipexpress.testing import IncomingCall
from tests.server.behavior import HERE, CallCase, methods, reject


class Balancer(sipexpress.Router):
    """Keeps nothing: forwards to where `target` says."""

    maxfwd = use(Maxfwd)
    sl = use(Sl)
    target: tuple[str, int] = ("10.0.2.2", 5060)

    def route(self) -> Any:
        if not self.maxfwd.mf_process_maxfwd_header(10):
            return self.sl.sl_send_reply(483, "Too Many Hops")
        if not self.forward(*self.target):
            return self.sl.sl_reply_error()
        return None


class CallTests(CallCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(Balancer)
        self.alice = self.phone("alice")
        self.bob = self.phone("bob", "10.0.2.2")

    def test_every_method_of_a_call_shares_one_branch(self) -> None:
        """CANCEL and the ACK for a failure match the INVITE at the next hop."""
        call = self.alice.invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [180])
        cancel = call.cancel()
        self.clock.advance(0.5)
        self.assertEqual((cancel.statuses, call.statuses), ([200], [180, 487]))
        self.assertEqual(methods(self.bob), ["INVITE", "CANCEL", "ACK"])
        self.assertEqual(len({request.via.branch for request in self.bob.requests}), 1)
        self.assertEqual(len(self.to(self.alice, "SIP/2.0 487")), 1)
        self.assert_empty()

    def test_a_failure_is_acknowledged_by_the_caller(self) -> None:
        self.bob.on_call = reject(486)
        call = self.alice.invite("bob")
        self.clock.advance(2)
        self.assertEqual(call.statuses, [486])
        self.assertEqual(methods(self.bob), ["INVITE", "ACK"])
        self.assertEqual(len(self.wire.sent("SIP/2.0 486", self.bob.address)), 1)

    def test_two_calls_have_two_branches(self) -> None:
        for _ in range(2):
            self.alice.invite("bob")
        self.clock.advance(0.3)
        self.assertEqual(len({call.request.via.branch for call in self.bob.calls}), 2)

    def test_every_response_goes_back(self) -> None:
        self.bob.on_call = lambda call: [call.reply(code) for code in (100, 183, 180, 200)]  # type: ignore[func-returns-value, assignment]
        call = self.alice.invite("bob")
        self.clock.advance(0.3)
        self.assertEqual(call.statuses, [100, 183, 180, 200])
        self.assertTrue(self.bob.calls[0].acknowledged)

    def test_a_response_is_for_the_call_that_its_branch_was_made_for(self) -> None:
        """A next hop cannot aim a response at somebody it never got a request from."""
        victim = self.phone("victim")
        self.bob.on_call = lambda call: None
        self.alice.invite("bob")
        self.clock.advance(0.1)
        request = self.bob.calls[0].request
        ours = request.header_values("via")[0]
        lines = [b"SIP/2.0 200 OK", b"Via: " + ours, b"Via: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bKvictim;rport=5060"]
        lines += [line for key, line in request.header_lines() if key in ("from", "to", "call-id", "cseq")]
        self.bob.send_raw(b"\r\n".join([*lines, b"Content-Length: 0", b"", b""]), HERE)
        self.clock.advance(0.1)
        self.assertEqual(victim.received_messages, [])
        self.assertEqual(self.server.counters["stray_responses"], 1)

    def test_hops_are_counted(self) -> None:
        call = self.alice.invite("bob")
        self.clock.advance(0.1)
        self.assertEqual(self.bob.calls[0].request.header("max-forwards"), b"69")
        data = self.alice._new("MESSAGE", "sip:bob@10.0.0.1", [], b"").replace(b"Forwards: 70", b"Forwards: 0")
        exchange = self.alice.send(data, HERE)
        self.clock.advance(0.1)
        self.assertEqual((call.status, exchange.status), (180, 483))


class WayBackTests(CallCase):
    def test_a_caller_without_rport_behind_another_port(self) -> None:
        """The response goes to the port of its Via (18.2.2)."""
        self.server = self.serve(Balancer)
        self.phone("bob", "10.0.2.2")
        alice = self.phone("alice")
        data = alice._new("MESSAGE", "sip:bob@10.0.0.1", [], b"hi").replace(b";rport", b"")
        exchange = alice.send(data, HERE)
        self.clock.advance(0.2)
        self.assertEqual(exchange.statuses, [200])

    def test_a_caller_over_tcp(self) -> None:
        """The response goes back over the connection, with rport and without."""
        self.server = self.serve(Balancer)
        self.phone("bob", "10.0.2.2")
        alice = self.phone("alice", protocol="TCP")
        for data in (
            alice._new("MESSAGE", "sip:bob@10.0.0.1", [], b"hi"),
            alice._new("MESSAGE", "sip:bob@10.0.0.1", [], b"hi").replace(b";rport", b""),
        ):
            exchange = alice.send(data, HERE)
            self.clock.advance(0.2)
            self.assertEqual(exchange.statuses, [200])
        self.assertEqual(
            len({packet.source for packet in self.wire.packets if packet.destination == HERE} - {("10.0.2.2", 5060)}), 1
        )
        back = {packet.destination for packet in self.wire.packets if packet.destination[0] == alice.address[0]}
        self.assertNotIn(alice.address, back)

    def test_the_reply_leaves_by_the_socket_of_the_request(self) -> None:
        class Border(Balancer):
            listen = ("udp:10.0.0.1:5060", "udp:192.168.0.1:5060")
            target = ("192.168.0.7", 5060)

            def route(self) -> Any:
                self.force_send_socket("192.168.0.1:5060")
                return super().route()

        self.server = self.serve(Border)
        alice = self.phone("alice")
        bob = self.phone("bob", "192.168.0.7")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [200])
        self.assertEqual({packet.source for packet in self.to(alice)}, {("10.0.0.1", 5060)})
        # The ACK goes to the Contact: nobody recorded the route.
        self.assertEqual({packet.source for packet in self.to(bob)}, {("192.168.0.1", 5060), alice.address})

    def test_from_udp_to_tcp(self) -> None:
        class Bridge(Balancer):
            def route(self) -> Any:
                self.forward_tcp("10.0.2.2", 5060)

        self.server = self.serve(Bridge)
        alice = self.phone("alice")
        bob = self.phone("bob", "10.0.2.2", protocol="TCP")
        exchange = alice.request("MESSAGE", "bob", body=b"hi")
        self.clock.advance(0.2)
        self.assertEqual(exchange.statuses, [200])
        self.assertEqual(bob.requests[0].via.transport, "TCP")

    def test_over_ipv6(self) -> None:
        class Six(Balancer):
            listen = ("udp:[2001:db8::1]:5060",)
            target = ("2001:db8::7", 5060)

        self.server = self.serve(Six)
        alice = self.phone("alice", "2001:db8::5", server=("2001:db8::1", 5060))
        bob = self.phone("bob", "2001:db8::7", server=("2001:db8::1", 5060))
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [200])
        self.assertTrue(bob.calls[0].acknowledged)


class NextHopTests(CallCase):
    def test_a_name_that_takes_time(self) -> None:
        class Named(Balancer):
            target = ("far.example", 5060)

        self.names.table["far.example"] = ["10.0.2.2"]
        self.names.delay = 0.3
        self.server = self.serve(Named)
        bob = self.phone("bob", "10.0.2.2")
        exchange = self.phone("alice").request("MESSAGE", "bob", body=b"hi")
        self.clock.advance(0.2)
        self.assertEqual(bob.requests, [])
        self.clock.advance(0.5)
        self.assertEqual(exchange.status, 200)
        self.assertEqual(self.server.counters["unfinished_routes"], 0)

    def test_a_name_that_leads_nowhere(self) -> None:
        class Named(Balancer):
            target = ("nowhere.example", 5060)

        self.server = self.serve(Named)
        exchange = self.phone("alice").request("MESSAGE", "bob", body=b"hi")
        self.clock.advance(40)
        self.assertTrue(exchange.timed_out)
        self.assertGreater(self.server.counters["unresolved"], 0)
        self.assert_empty()

    def test_no_socket_fits(self) -> None:
        class Six(Balancer):
            listen = ("udp:5060",)
            target = ("2001:db8::7", 5060)

        self.server = self.serve(Six)
        exchange = self.phone("alice").request("MESSAGE", "bob", body=b"hi")
        self.clock.advance(0.2)
        self.assertEqual(exchange.status, 477)
        self.assertIn("477", exchange.response.reason)
