"""Record-Route and Route, loose and strict (RFC 3261 16.4, 16.6 steps 4 and 6, 16.12)."""

from __future__ import annotations

from sipexpress.testing import IncomingCall, OutgoingCall, Phone
from tests.routers import Plain
from tests.server.behavior import CallCase, methods


class RouteCase(CallCase):
    def answered(self) -> tuple[Phone, Phone, OutgoingCall]:
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(0.2)
        return alice, bob, call


class LooseTests(RouteCase):
    def test_record_route_stands_on_top_once(self) -> None:
        """RTE-01, RTE-10: and comes back to the caller unchanged."""
        _, bob, call = self.answered()
        invite = bob.calls[0].request
        (record,) = invite.header_values("record-route")
        self.assertTrue(record.startswith(b"<sip:10.0.0.1:5060;") and record.endswith(b";lr>"), record)
        self.assertLess(invite.keys.index("record-route"), invite.keys.index("from"))
        self.assertEqual(call.response.header_values("record-route"), [record])

    def test_our_entry_is_removed_and_the_request_uri_is_the_target(self) -> None:
        """RTE-03."""
        _, bob, call = self.answered()
        call.dialog.request("INFO")
        self.clock.advance(0.2)
        info = bob.requests[-1]
        self.assertEqual((info.method, info.raw_uri), ("INFO", b"sip:bob@10.0.1.2:5060"))
        self.assertFalse(info.has_header("route"))

    def test_another_entry_behind_ours_is_the_next_hop(self) -> None:
        """RTE-04."""
        _, bob, call = self.answered()
        proxy = self.phone("proxy", "10.0.7.7")
        call.dialog.routes.append("<sip:10.0.7.7;lr;x=1>")
        call.dialog.request("INFO")
        self.clock.advance(0.2)
        (info,) = proxy.requests
        self.assertEqual(info.raw_uri, b"sip:bob@10.0.1.2:5060")
        self.assertEqual(info.header_list("route"), [b"<sip:10.0.7.7;lr;x=1>"])
        self.assertNotIn("INFO", methods(bob))

    def test_every_request_of_a_dialog_both_ways(self) -> None:
        """RTE-11."""
        _, bob, call = self.answered()
        for method in ("INVITE", "UPDATE", "INFO", "PRACK", "NOTIFY", "REFER", "MESSAGE", "OPTIONS", "X-ODD"):
            for dialog in (call.dialog, bob.calls[0].dialog):
                exchange = dialog.request(method)
                self.clock.advance(0.2)
                self.assertEqual(exchange.status, 200, method)
        self.assertEqual([phone.requests[-1].method for phone in (call.phone, bob)], ["X-ODD", "X-ODD"])

    def test_a_refused_reinvite_is_acknowledged_hop_by_hop(self) -> None:
        _, bob, call = self.answered()
        bob.on_request = lambda incoming: incoming.reply(488)
        again = call.dialog.request("INVITE")
        self.clock.advance(0.2)
        self.assertEqual(again.status, 488)
        self.assertEqual(methods(bob)[-2:], ["INVITE", "ACK"])

    def test_a_request_with_a_mark_that_was_changed(self) -> None:
        """RTE-12: it opens nothing."""
        _, _, call = self.answered()
        mark = call.dialog.routes[0].partition(";dm=")[2][:16]
        call.dialog.routes = [call.dialog.routes[0].replace(mark, mark[::-1])]
        call.dialog.target = "sip:bob@10.0.0.1"
        exchange = call.dialog.request("INFO")
        self.clock.advance(0.2)
        # Treated as a new request: to bob, by look-up, with the caller's route ignored.
        self.assertIn(exchange.status, (200, 404))
        self.assertEqual(
            [
                packet
                for packet in self.wire.packets
                if packet.destination[0] not in ("10.0.0.1", "10.0.1.1", "10.0.1.2")
            ],
            [],
        )


class StrictTests(RouteCase):
    def test_a_strict_router_before_us_and_a_loose_one_behind(self) -> None:
        """RTE-06: our URI came as the Request-URI; the last Route is the target, the first one the next hop."""
        _, bob, call = self.answered()
        proxy = self.phone("proxy", "10.0.7.7")
        dialog = call.dialog
        dialog.routes = [dialog.routes[0].replace(";lr", ""), "<sip:10.0.7.7;lr>"]
        dialog.bye()
        self.clock.advance(0.2)
        (bye,) = proxy.requests
        self.assertEqual(bye.raw_uri, b"sip:bob@10.0.1.2:5060")
        self.assertEqual(bye.header_list("route"), [b"<sip:10.0.7.7;lr>"])
        self.assertNotIn("BYE", methods(bob))

    def test_a_strict_router_before_us_and_one_behind(self) -> None:
        """It gets itself as the Request-URI, and the target stays last."""
        _, _, call = self.answered()
        strict = self.phone("strict", "10.0.7.7")
        dialog = call.dialog
        dialog.routes = [dialog.routes[0].replace(";lr", ""), "<sip:10.0.7.7>"]
        dialog.bye()
        self.clock.advance(0.2)
        (bye,) = strict.requests
        self.assertEqual(bye.raw_uri, b"sip:10.0.7.7")
        self.assertEqual(bye.header_list("route"), [b"<sip:bob@10.0.1.2:5060>"])

    def test_a_strict_router_behind_us_and_a_loose_one_after_it(self) -> None:
        """RTE-07."""
        _, _, call = self.answered()
        strict = self.phone("strict", "10.0.7.7")
        call.dialog.routes += ["<sip:10.0.7.7>", "<sip:10.0.7.8;lr>"]
        call.dialog.request("INFO")
        self.clock.advance(0.2)
        (info,) = strict.requests
        self.assertEqual(info.raw_uri, b"sip:10.0.7.7")
        self.assertEqual(info.header_list("route"), [b"<sip:10.0.7.8;lr>", b"<sip:bob@10.0.1.2:5060>"])

    def test_cancel_of_a_request_that_went_to_a_strict_router(self) -> None:
        """CAN-02: it carries the Route of the INVITE that was sent."""
        _, _, call = self.answered()
        strict = self.phone("strict", "10.0.7.7")
        strict.on_request = lambda incoming: incoming.reply(180)
        call.dialog.routes.append("<sip:10.0.7.7>")
        again = call.dialog.request("INVITE")
        self.clock.advance(0.2)
        call.phone.cancel(again)
        self.clock.advance(0.2)
        invite, cancel = strict.requests[:2]
        self.assertEqual(cancel.method, "CANCEL")
        self.assertEqual(cancel.raw_uri, invite.raw_uri)
        self.assertEqual(cancel.header_list("route"), invite.header_list("route"))
