"""Redirects, stateless forwarding, Record-Route, strict routers, what the desk does by itself."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Maxfwd, Sl, Tm
from sipexpress.routers import Lan
from sipexpress.sip.uri import parse_uri
from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain


class RedirectTests(RouterTestCase):
    def test_302_carries_the_target_set(self) -> None:
        class Redirecting(Plain):
            async def route(self) -> Any:
                if self.method == "REGISTER":
                    return await super().route()
                await self.registrar.lookup("location")
                self.append_branch("sip:voicemail@example.com", "0.1")
                return self.sl.sl_send_reply(302, "Moved Temporarily")

        self.serve(Redirecting)
        alice, _ = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        contacts = [str(contact) for contact in call.response.contacts]
        self.assertEqual(contacts, ["<sip:bob@10.0.1.2:5060>", "<sip:voicemail@example.com>;q=0.1"])

    def test_plain_302_has_no_contact(self) -> None:
        class Redirecting(sipexpress.Router):
            tm = use(Tm)

            def route(self) -> None:
                self.tm.t_reply(302, "Moved")

        self.serve(Redirecting)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.response.contacts, [])


class StatelessTests(RouterTestCase):
    class Balancer(sipexpress.Router):
        """Keeps nothing."""

        maxfwd = use(Maxfwd)

        def route(self) -> None:
            if self.maxfwd.mf_process_maxfwd_header(10):
                self.forward("10.0.1.2")

    def test_call_goes_through(self) -> None:
        server = self.serve(self.Balancer)
        alice, bob = self.phone("alice"), self.phone("bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [180])
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        self.assertTrue(bob.calls[0].acknowledged)
        self.assertEqual((server.servers.count, server.clients.count), (0, 0))

    def test_retransmission_has_the_same_branch(self) -> None:
        """RFC 3261 16.11: so that the next hop sees one transaction."""
        self.serve(self.Balancer)
        alice, bob = self.phone("alice"), self.phone("bob")
        bob.on_call = lambda call: None
        alice.invite("bob")
        self.clock.advance(5)
        self.assertGreater(len(self.wire.sent("INVITE", ("10.0.0.1", 5060))), 2)
        self.assertEqual(len(bob.calls), 1)

    def test_forged_response_goes_nowhere(self) -> None:
        server = self.serve(self.Balancer)
        mallory = self.phone("mallory")
        mallory.send_raw(
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKsx.01234567.0123456789abcdef\r\n"
            b"Via: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKvictim\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
            b"Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
            mallory.server,
        )
        self.clock.advance(1)
        self.assertEqual(self.wire.sent("", ("10.0.0.1", 5060)), [])
        self.assertEqual(server.counters["stray_responses"], 1)


class RouteTests(RouterTestCase):
    def test_through_two_interfaces(self) -> None:
        class Border(Plain):
            listen = ("udp:10.0.0.1:5060", "udp:192.168.0.1:5060")

            async def route(self) -> Any:
                if self.src_ip == "10.0.0.0/8":
                    self.force_send_socket("192.168.0.1:5060")
                else:
                    self.force_send_socket("10.0.0.1:5060")
                return await super().route()

        self.serve(Border)
        (alice,) = self.registered("alice")
        (bob,) = self.registered("bob", host="192.168.0.7", server=("192.168.0.1", 5060))
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        self.assertEqual(len(call.dialog.routes), 2)
        self.assertTrue(bob.calls[0].acknowledged)
        bye = bob.calls[0].dialog.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)
        self.assertEqual(alice.requests[-1].header("route"), None)
        hosts = {packet.source[0] for packet in self.wire.packets if packet.destination[0] == "192.168.0.7"}
        self.assertEqual(hosts, {"192.168.0.1"})

    def test_strict_router_before_us(self) -> None:
        """RFC 3261 16.4: our own Record-Route value comes as the Request-URI."""
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        dialog = call.dialog
        dialog.routes = [dialog.routes[0].replace(";lr", "")]
        bye = dialog.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)
        self.assertEqual(bob.requests[-1].uri, parse_uri("sip:bob@10.0.1.2:5060"))

    def test_strict_router_behind_us(self) -> None:
        """RFC 3261 16.6 step 6: it gets itself as the Request-URI."""
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        strict = self.phone("strict", "10.0.7.7")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        call.dialog.routes.append("<sip:10.0.7.7>")
        call.bye()
        self.clock.advance(1)
        bye = strict.requests[0]
        self.assertEqual(str(bye.uri), "sip:10.0.7.7")
        self.assertEqual(bye.header_values("route"), [b"<sip:bob@10.0.1.2:5060>"])

    def test_stranger_with_our_route_is_no_dialog(self) -> None:
        """The mark: a Route to us and a To tag open nothing."""
        self.serve(Plain)
        self.phone("victim", "10.9.9.9")
        mallory = self.phone("mallory")
        message = mallory.request(
            "MESSAGE", "sip:x@10.0.0.1", [("Route", "<sip:10.0.0.1;lr>"), ("Route", "<sip:10.9.9.9;lr>")]
        )
        self.clock.advance(1)
        self.assertEqual(message.status, 404)
        self.assertEqual([packet for packet in self.wire.packets if packet.destination[0] == "10.9.9.9"], [])

    def test_mark_of_another_dialog(self) -> None:
        self.serve(Lan)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        mark = call.dialog.routes[0]
        mallory = self.phone("mallory")
        data = mallory.compose(
            "BYE",
            "sip:bob@10.0.1.2",
            "<sip:m@x>;tag=other",
            "<sip:bob@x>;tag=another",
            "other-call",
            2,
            routes=[mark, "<sip:10.0.1.2;lr>"],
        )
        exchange = mallory.send(data, mallory.server)
        self.clock.advance(1)
        self.assertNotIn("BYE", [request.method for request in bob.requests])
        self.assertEqual(exchange.status, 403)


class DeskTests(RouterTestCase):
    def test_options_to_the_server(self) -> None:
        self.serve(Plain)
        exchange = self.phone("alice").request("OPTIONS")
        self.clock.advance(1)
        self.assertEqual(exchange.statuses, [200])
        self.assertIn(b"INVITE", exchange.response.header("allow") or b"")

    def test_options_for_a_user_is_the_routes(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        exchange = alice.request("OPTIONS", "bob")
        self.clock.advance(1)
        self.assertEqual(exchange.status, 200)
        self.assertEqual(len(bob.requests), 1)

    def test_malformed_is_answered_400(self) -> None:
        self.serve(Plain)
        alice = self.phone("alice")
        good = alice._new("MESSAGE", "sip:bob@10.0.0.1", [], b"")
        alice.send(good.replace(b"CSeq: 1 MESSAGE", b"CSeq: 1 INVITE"), alice.server)
        self.clock.advance(0.1)
        self.assertEqual([packet.start_line[:11] for packet in self.wire.sent("SIP/2.0")], ["SIP/2.0 400"])

    def test_garbage_is_dropped(self) -> None:
        server = self.serve(Plain)
        alice = self.phone("alice")
        for data in (
            b"hello world",
            b"INVITE\r\n\r\n",
            b"\x00" * 100,
            b"INVITE sip:x SIP/2.0\r\nVia: x\nTo: y\r\n\r\n",
        ):
            alice.send_raw(data, alice.server)
        self.clock.advance(1)
        self.assertEqual(len(self.wire.packets), 4)
        self.assertEqual(server.counters["malformed"], 4)

    def test_too_many_hops(self) -> None:
        self.serve(Plain)
        alice = self.phone("alice")
        data = alice._new("INVITE", "sip:bob@10.0.0.1", [], b"").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
        exchange = alice.send(data, alice.server)
        self.clock.advance(1)
        self.assertEqual(exchange.status, 483)

    def test_ack_for_a_stateless_failure_runs_no_route(self) -> None:
        routed = []

        class Refusing(sipexpress.Router):
            sl = use(Sl)

            def route(self) -> None:
                routed.append(self.method)
                self.sl.sl_send_reply(403, "No")

        self.serve(Refusing)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 403)
        self.assertEqual(routed, ["INVITE"])

    def test_own_2xx_is_repeated_until_its_ack(self) -> None:
        class Answering(sipexpress.Router):
            tm = use(Tm)

            def route(self) -> None:
                if self.method == "INVITE":
                    self.tm.t_reply(200, "OK")

        server = self.serve(Answering)
        alice = self.phone("alice")
        call = alice.invite("bob")
        call.acknowledge = False
        call.took = call.responses.append  # type: ignore[method-assign, assignment]
        self.clock.advance(5)
        answers = self.wire.sent("SIP/2.0 200")
        self.assertEqual(len(answers), 4)
        ack = alice.compose(
            "ACK",
            "sip:bob@10.0.0.1",
            (call.request.header("from") or b"").decode(),
            (call.response.header("to") or b"").decode(),
            call.request.call_id.decode(),
            1,
        )
        alice.send_raw(ack, alice.server)
        self.clock.advance(60)
        self.assertEqual(len(self.wire.sent("SIP/2.0 200")), 4)
        self.assertEqual(server.servers.count, 0)

    def test_full_server_refuses(self) -> None:
        self.serve(Plain, max_transactions=1)
        alice, bob = self.registered("alice", "bob")
        first = alice.invite("bob")
        self.clock.advance(1)
        second = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual((first.status, second.status), (180, 503))
        self.assertEqual(second.response.header("retry-after"), b"5")
        bob.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(first.status, 200)

    def test_response_from_elsewhere_is_not_taken(self) -> None:
        server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        invite = bob.calls[0].request
        reply = b"SIP/2.0 200 OK\r\n" + b"\r\n".join(
            line for key, line in invite.header_lines() if key in ("via", "from", "to", "call-id", "cseq")
        )
        mallory = self.phone("mallory", protocol="TCP")
        mallory.send_raw(reply + b"\r\nContent-Length: 0\r\n\r\n", mallory.server)
        self.clock.advance(1)
        self.assertEqual(call.status, 180)
        self.assertEqual(server.counters["misdirected_responses"], 1)
