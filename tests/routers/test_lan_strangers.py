"""Lan, attacked: strangers get one refusal or nothing, and reach nobody through it."""

from __future__ import annotations

from typing import Any

from sipexpress.routers import Lan
from sipexpress.testing import IncomingCall, Phone, RouterTestCase

SERVER = ("10.0.0.1", 5060)
METHODS = ("INVITE", "BYE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER", "INFO", "PUBLISH", "NEW")


class StrangerTestCase(RouterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(Lan)
        self.alice, self.bob = self.registered("alice", "bob")
        self.bob.on_call = IncomingCall.answer

    def attack(self, phone: Phone, data: bytes) -> list[str]:
        """The start lines of everything that the server sends after `data` came from `phone`."""
        before = len(self.wire.packets)
        phone.send_raw(data, SERVER)
        self.clock.advance(5)
        return [packet.start_line for packet in self.wire.packets[before:] if packet.source == SERVER]

    def answered(self) -> Any:
        """A call between Alice and Bob, as whoever listens on their wire knows it."""
        call = self.alice.invite("bob")
        self.clock.advance(1)
        return call.dialog


class PublicTests(StrangerTestCase):
    """Requests from public addresses."""

    def setUp(self) -> None:
        super().setUp()
        self.eve = self.phone("eve", "203.0.113.5")

    def test_every_method_is_refused_once(self) -> None:
        for method in METHODS:
            lines = self.attack(self.eve, self.eve._new(method, "sip:bob@10.0.0.1", [], b""))
            self.assertEqual(lines, ["SIP/2.0 403 Only for the local network"], method)

    def test_ack_and_cancel_are_dropped_and_counted(self) -> None:
        for method in ("ACK", "CANCEL"):
            self.assertEqual(self.attack(self.eve, self.eve._new(method, "sip:bob@10.0.0.1", [], b"")), [], method)
        self.assertEqual((self.server.counters["dropped_acks"], self.server.counters["dropped_cancels"]), (1, 1))

    def test_inside_a_stolen_dialog(self) -> None:
        dialog = self.answered()
        for method in ("BYE", "INVITE", "REFER"):
            data = self.eve.compose(
                method, dialog.target, dialog.local, dialog.remote, dialog.call_id, 900, routes=dialog.routes
            )
            self.assertEqual(self.attack(self.eve, data), ["SIP/2.0 403 Only for the local network"], method)
        data = self.eve.compose(
            "ACK", dialog.target, dialog.local, dialog.remote, dialog.call_id, 900, routes=dialog.routes
        )
        self.assertEqual(self.attack(self.eve, data), [])

    def test_the_answer_is_about_as_long_as_the_request(self) -> None:
        """A forged source gets no more than the sender had to pay."""
        for method in METHODS:
            data = self.eve._new(method, "sip:bob@10.0.0.1", [], b"")
            before = len(self.wire.packets)
            self.eve.send_raw(data, SERVER)
            self.clock.advance(40)
            sent = sum(len(packet.data) for packet in self.wire.packets[before:] if packet.source == SERVER)
            self.assertLess(sent, 1.5 * len(data), method)

    def test_nothing_is_kept(self) -> None:
        for number in range(100):
            self.eve.send_raw(self.eve._new("INVITE", f"sip:bob{number}@10.0.0.1", [], b""), SERVER)
        self.clock.advance(0.1)
        self.assertEqual((self.server.servers.count, self.server.pending.count), (0, 0))


class ForgedTests(StrangerTestCase):
    """A local host that tries to get further than to the phones."""

    def setUp(self) -> None:
        super().setUp()
        self.mallory = self.phone("mallory", "10.0.9.9")
        self.victim = self.phone("victim", "203.0.113.7")

    def test_foreign_domains(self) -> None:
        self.names.table["victim.example"] = ["203.0.113.7"]
        for method in METHODS:
            for uri in ("sip:victim@203.0.113.7", "sip:victim@victim.example", "sip:x@10.0.0.1:5999", "tel:+123"):
                lines = self.attack(self.mallory, self.mallory._new(method, uri, [], b""))
                self.assertEqual(lines, ["SIP/2.0 403 No relaying to other domains"], (method, uri))

    def test_ack_and_cancel_to_foreign_domains(self) -> None:
        for method in ("ACK", "CANCEL"):
            data = self.mallory._new(method, "sip:victim@203.0.113.7", [], b"")
            self.assertEqual(self.attack(self.mallory, data), [], method)
        self.assertEqual((self.server.counters["dropped_acks"], self.server.counters["dropped_cancels"]), (1, 1))

    def test_ack_and_cancel_to_nobody(self) -> None:
        for method in ("ACK", "CANCEL"):
            self.assertEqual(self.attack(self.mallory, self.mallory._new(method, "sip:nobody@10.0.0.1", [], b"")), [])
        self.assertEqual((self.server.counters["dropped_acks"], self.server.counters["dropped_cancels"]), (1, 1))

    def test_ack_and_cancel_to_a_registered_phone(self) -> None:
        """A target that lookup gave: forwarded once, without a transaction."""
        for method in ("ACK", "CANCEL"):
            lines = self.attack(self.mallory, self.mallory._new(method, "sip:bob@10.0.0.1", [], b""))
            self.assertEqual(lines[0], f"{method} sip:bob@10.0.1.2:5060 SIP/2.0")
            self.assertEqual(len([line for line in lines if line.startswith(method)]), 1)
        self.assertEqual(self.server.counters["dropped_acks"] + self.server.counters["dropped_cancels"], 0)

    def test_a_route_without_a_mark(self) -> None:
        for routes in (
            ["<sip:203.0.113.7;lr>"],
            ["<sip:10.0.0.1;lr>", "<sip:203.0.113.7;lr>"],
            ["<sip:10.0.0.1;lr;dm=>", "<sip:203.0.113.7;lr>"],
            ["<sip:10.0.0.1;dm=0123456789abcdef;lr>", "<sip:203.0.113.7;lr>"],
            ["<sip:10.0.0.1;r2=on;lr>", "<sip:10.0.0.1;r2=on;lr>", "<sip:203.0.113.7>"],
        ):
            for to in ("<sip:bob@x>", "<sip:bob@x>;tag=forged"):
                data = self.mallory.compose("INVITE", "sip:x@203.0.113.7", "<sip:m@x>;tag=1", to, "c", 1, routes=routes)
                data = data.replace(b"branch=", b"branch=z9hG4bK%d" % len(self.wire.packets))
                lines = self.attack(self.mallory, data)
                self.assertEqual(lines, ["SIP/2.0 403 No relaying to other domains"], (routes, to))
        self.assertEqual(self.victim.received_messages, [])

    def test_a_route_that_was_not_followed_goes_no_further(self) -> None:
        routes = ["<sip:10.0.0.1;lr>", "<sip:203.0.113.7;lr>"]
        data = self.mallory.compose(
            "MESSAGE", "sip:bob@10.0.0.1", "<sip:m@x>;tag=1", "<sip:bob@x>", "c", 1, routes=routes
        )
        self.attack(self.mallory, data)
        self.assertEqual(self.bob.requests[-1].method, "MESSAGE")
        self.assertIsNone(self.bob.requests[-1].header("route"))

    def test_the_mark_of_another_dialog(self) -> None:
        mark = self.answered().routes[0]
        for call_id, from_tag, to_tag in (("other", "1", "2"), ("other", "", "")):
            data = self.mallory.compose(
                "MESSAGE",
                "sip:x@203.0.113.7",
                f"<sip:m@x>;tag={from_tag or 'x'}",
                f"<sip:b@x>;tag={to_tag or 'y'}",
                call_id,
                1,
                routes=[mark],
            )
            self.assertEqual(self.attack(self.mallory, data), ["SIP/2.0 403 No relaying to other domains"])

    def test_an_own_mark_reaches_no_public_address(self) -> None:
        """Mallory calls herself: she has a mark that fits, and may choose every other header."""
        self.mallory.register()
        self.mallory.on_call = IncomingCall.answer
        call = self.mallory.invite("mallory")
        self.clock.advance(1)
        dialog = call.dialog
        for method in ("INVITE", "MESSAGE", "ACK", "CANCEL"):
            for target, more in (
                ("sip:x@203.0.113.7", []),
                ("sip:bob@10.0.1.2", ["<sip:203.0.113.7;lr>"]),
                ("sip:bob@10.0.1.2", ["<sip:203.0.113.7>"]),
                (dialog.routes[0].strip("<>"), ["<sip:203.0.113.7;lr>"]),
                ("sip:x@10.0.1.2;maddr=203.0.113.7", []),
            ):
                data = self.mallory.compose(
                    method, target, dialog.local, dialog.remote, dialog.call_id, 9, routes=[*dialog.routes, *more]
                )
                lines = self.attack(self.mallory, data)
                self.assertIn(
                    lines,
                    ([], ["SIP/2.0 403 No relaying out of the local network"]),
                    (method, target, more),
                )
        self.assertEqual(self.victim.received_messages, [])

    def test_the_server_is_no_target_of_its_own(self) -> None:
        """However the Request-URI names it: no request runs in a circle."""
        self.mallory.register()
        self.mallory.on_call = IncomingCall.answer
        dialog = self._call_herself()
        for target in (
            "sip:10.0.0.1",
            "sip:x@10.0.0.1",
            "sip:x@10.0.1.2;maddr=10.0.0.1",
            "sip:x@10.0.0.1;maddr=10.0.0.1",
        ):
            for count in (1, 5):
                for method in ("MESSAGE", "ACK"):
                    data = self.mallory.compose(
                        method, target, dialog.local, dialog.remote, dialog.call_id, 9, routes=dialog.routes * count
                    )
                    lines = self.attack(self.mallory, data)
                    self.assertLessEqual(len(lines), 2 * count + 1, (target, count, method))

    def _call_herself(self) -> Any:
        call = self.mallory.invite("mallory")
        self.clock.advance(1)
        return call.dialog

    def test_via_of_a_victim(self) -> None:
        """The reply goes to the source address, whatever Via says."""
        for via in ("203.0.113.7", "203.0.113.7:5060;received=203.0.113.7;rport=5060", "10.0.9.9;maddr=203.0.113.7"):
            data = self.mallory._new("INVITE", "sip:nobody@10.0.0.1", [], b"")
            data = data.replace(b"UDP 10.0.9.9:5060", b"UDP " + via.encode()).replace(
                b"UDP 10.0.9.9;", b"UDP %b;" % via.encode()
            )
            self.assertEqual(self.attack(self.mallory, data), ["SIP/2.0 404 Not Found"], via)
        self.assertEqual(self.victim.received_messages, [])

    def test_responses_to_nothing(self) -> None:
        data = (
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK0-1\r\n"
            b"Via: SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bKvictim\r\nFrom: <sip:a@b>;tag=1\r\n"
            b"To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        )
        self.assertEqual(self.attack(self.mallory, data), [])

    def test_register_for_another_domain(self) -> None:
        data = self.mallory._new("REGISTER", "sip:elsewhere.example", [], b"")
        self.assertEqual(self.attack(self.mallory, data), ["SIP/2.0 403 No relaying to other domains"])

    def test_a_contact_of_a_victim_in_the_dialog(self) -> None:
        """Bob hangs up on a caller whose Contact is a public address: nothing is sent there."""
        call = self.mallory.invite("bob", [("Contact", "<sip:victim@203.0.113.7>")])
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        bye = self.bob.calls[0].dialog.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 403)
        self.assertEqual(self.victim.received_messages, [])

    def test_ten_contacts_make_ten_requests_to_their_own_phone_only(self) -> None:
        many = ", ".join(f"<sip:mallory@10.0.9.9:{port}>" for port in range(6000, 6020))
        self.assertEqual(self.mallory.register(contact=many).statuses, [])
        self.clock.advance(1)
        self.mallory.register(contact=", ".join(many.split(", ")[:10]))
        self.clock.advance(1)
        before = len(self.wire.packets)
        self.alice.invite("mallory")
        self.clock.advance(0.1)
        invites = [
            packet for packet in self.wire.packets[before:] if packet.start_line.startswith("INVITE sip:mallory@10")
        ]
        sent = [packet.destination[0] for packet in invites if packet.source == SERVER]
        self.assertEqual(sent, ["10.0.9.9"] * 10)
