"""Chapter 6 of the guide, "Hello World", played with two phones: every path of its route."""

from __future__ import annotations

from typing import Any

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from examples import hello_world
from examples.hello_world import HelloWorld
from sipexpress.testing import IncomingCall, Phone, RouterTestCase

SERVER = ("10.0.0.1", 5060)
ALIASES = {"usrloc": {"aliases": {"8885551192": "sip:1001@10.0.0.1", "gateway": "sip:0@192.0.2.50"}}}


class HelloWorldTestCase(RouterTestCase):
    """The phones are called 1000 and 1001, as in the guide."""

    settings: dict[str, Any] = {}

    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(HelloWorld, **self.settings)

    def status(self, exchange: Any) -> int:
        self.clock.advance(1)
        return int(exchange.status)

    def phones(self) -> tuple[Phone, Phone]:
        one, two = self.registered("1000", "1001")
        two.on_call = IncomingCall.answer
        return one, two

    def from_server(self, start: str) -> list[Any]:
        return self.wire.sent(start, SERVER)


class RegisterTests(HelloWorldTestCase):
    def test_register_without_a_password(self) -> None:
        phone = self.phone("1000")
        exchange = phone.register()
        self.assertEqual(self.status(exchange), 200)
        self.assertEqual(
            [str(contact) for contact in exchange.response.contacts], ["<sip:1000@10.0.1.1:5060>;expires=3600"]
        )
        self.assertIsNone(exchange.response.header("record-route"))

    def test_a_password_is_ignored(self) -> None:
        authorization = 'Digest username="1000", realm="x", nonce="y", uri="sip:10.0.0.1", response="z"'
        self.assertEqual(self.status(self.phone("1000").register(headers=[("Authorization", authorization)])), 200)

    def test_unregister(self) -> None:
        one, two = self.phones()
        exchange = two.register(0)
        self.assertEqual(self.status(exchange), 200)
        self.assertEqual(exchange.response.contacts, [])
        self.assertEqual(self.status(one.invite("1001")), 404)

    def test_unregister_everything(self) -> None:
        one, two = self.phones()
        self.assertEqual(self.status(two.register(0, contact="*")), 200)
        self.assertEqual(self.status(one.invite("1001")), 404)

    def test_a_refused_register_is_answered_once(self) -> None:
        """route[2]: sl_reply_error() after save() has answered already does nothing."""
        exchange = self.phone("1000").register(30)
        self.assertEqual(self.status(exchange), 423)
        self.assertEqual(
            [packet.start_line for packet in self.from_server("SIP/2.0")], ["SIP/2.0 423 Interval Too Brief"]
        )

    def test_two_phones_with_the_same_name_ring_both(self) -> None:
        one, two = self.phones()
        (third,) = self.registered("1001")
        two.on_call = IncomingCall.ring
        one.invite("1001")
        self.clock.advance(1)
        third.calls[0].answer()
        self.clock.advance(1)
        self.assertTrue(two.calls[0].canceled)

    def test_registrations_do_not_outlive_the_server(self) -> None:
        """db_mode 0."""
        one, _ = self.phones()
        self.successResultOf(self.server.stopService())
        self.server = self.serve(HelloWorld)
        self.assertEqual(self.status(one.invite("1001")), 404)


class CallTests(HelloWorldTestCase):
    def test_both_call_each_other(self) -> None:
        one, two = self.phones()
        one.on_call = IncomingCall.answer
        for caller, callee in ((one, two), (two, one)):
            call = caller.invite(callee.user)
            self.assertEqual(self.status(call), 200)
            self.assertTrue(callee.calls[0].acknowledged)
            self.assertEqual(self.status(call.bye()), 200)
        self.clock.advance(64)
        self.assertEqual((self.server.servers.count, self.server.clients.count), (0, 0))

    def test_the_server_stays_in_the_path(self) -> None:
        """record_route() with enable_full_lr, for callers and callees."""
        one, two = self.phones()
        call = one.invite("1001")
        self.assertEqual(self.status(call), 200)
        for message in (two.calls[0].request, call.response):
            (value,) = message.header_list("record-route")
            self.assertRegex(value.decode(), r"<sip:10\.0\.0\.1(:5060)?;ftag=tag-[^;]+;dm=[0-9a-f]{16};lr=on>")

    def test_requests_inside_the_dialog_go_both_ways(self) -> None:
        """loose_route(), then route[1]: no look-up, and the Route is gone."""
        one, two = self.phones()
        call = one.invite("1001")
        self.assertEqual(self.status(call), 200)
        sides = (call.dialog, two), (two.calls[0].dialog, one)
        for dialog, other in sides:
            for method in ("INVITE", "UPDATE", "INFO", "PRACK", "NOTIFY", "MESSAGE"):
                exchange = dialog.request(method)
                self.assertEqual(self.status(exchange), 200, method)
                self.assertEqual(other.requests[-1].method, method)
                self.assertIsNone(other.requests[-1].header("route"))
        self.assertEqual(self.status(two.calls[0].dialog.bye()), 200)
        self.assertEqual(one.requests[-1].method, "BYE")

    def test_a_reinvite_is_recorded_and_its_ack_arrives(self) -> None:
        one, two = self.phones()
        call = one.invite("1001")
        self.assertEqual(self.status(call), 200)
        again = two.calls[0].dialog.request("INVITE")
        self.assertEqual(self.status(again), 200)
        self.assertEqual(len(one.requests[-1].header_list("record-route")), 1)
        two.calls[0].dialog.request("ACK", cseq=again.request.cseq.number)
        self.clock.advance(1)
        self.assertEqual(one.requests[-1].method, "ACK")

    def test_cancel(self) -> None:
        one, two = self.phones()
        two.on_call = IncomingCall.ring
        call = one.invite("1001")
        self.assertEqual(self.status(call), 180)
        self.assertEqual(self.status(call.cancel()), 200)
        self.assertEqual(call.status, 487)
        self.assertTrue(two.calls[0].canceled)

    def test_busy(self) -> None:
        one, two = self.phones()
        two.on_call = IncomingCall.reject
        self.assertEqual(self.status(one.invite("1001")), 486)

    def test_messages_and_other_methods(self) -> None:
        one, two = self.phones()
        for method in ("MESSAGE", "OPTIONS", "SUBSCRIBE", "NEWMETHOD"):
            self.assertEqual(self.status(one.request(method, "1001")), 200)
            self.assertEqual(two.requests[-1].method, method)

    def test_over_tcp(self) -> None:
        one, two = self.phone("1000", protocol="TCP"), self.phone("1001", protocol="TCP")
        for phone in (one, two):
            self.assertEqual(self.status(phone.register()), 200)
        two.on_call = IncomingCall.answer
        call = one.invite("1001")
        self.assertEqual(self.status(call), 200)
        self.assertIn(";transport=tcp;", call.dialog.routes[0])
        self.assertEqual(self.status(call.bye()), 200)


class RefusalTests(HelloWorldTestCase):
    settings = {"max_len": 1000}

    def test_483(self) -> None:
        one, two = self.phones()
        data = one._new("INVITE", "sip:1001@10.0.0.1", [], b"").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
        exchange = one.send(data, one.server)
        self.assertEqual(self.status(exchange), 483)
        self.assertEqual(exchange.response.reason, "Too Many Hops")
        self.assertEqual(two.calls, [])

    def test_a_missing_max_forwards_is_added(self) -> None:
        one, two = self.phones()
        one.send(one._new("INVITE", "sip:1001@10.0.0.1", [], b"").replace(b"Max-Forwards: 70\r\n", b""), one.server)
        self.clock.advance(1)
        self.assertEqual(two.calls[0].request.header("max-forwards"), b"10")

    def test_513(self) -> None:
        one, two = self.phones()
        exchange = one.invite("1001", [("X-Long", "x" * 1000)])
        self.assertEqual(self.status(exchange), 513)
        self.assertEqual(exchange.response.reason, "Message Overflow")
        self.assertEqual(two.calls, [])
        self.assertEqual(self.status(one.register(headers=[("X-Long", "x" * 1000)])), 513)

    def test_404(self) -> None:
        one, _ = self.phones()
        call = one.invite("1002")
        self.assertEqual(self.status(call), 404)
        self.assertEqual(call.response.reason, "User Not Found")
        self.assertEqual(call.statuses, [404])

    def test_404_in_a_stateless_fashion(self) -> None:
        self.phone("1000").invite("1002")
        self.clock.advance(0.01)
        self.assertEqual(self.server.servers.count, 0)

    def test_a_uri_nobody_can_reach(self) -> None:
        """t_relay() fails, and sl_reply_error() says why."""
        exchange = self.phone("1000").request("MESSAGE", "mailto:bob@example.com")
        self.assertEqual(self.status(exchange), 479)
        self.assertEqual(exchange.response.reason, "URI cannot be routed (479/SL)")


class ElsewhereTests(HelloWorldTestCase):
    settings = {"modparams": ALIASES}

    def test_a_foreign_domain_is_relayed(self) -> None:
        self.names.table["elsewhere.example"] = ["192.0.2.7"]
        one, _ = self.phones()
        far = self.phone("joe", "192.0.2.7")
        far.on_call = IncomingCall.answer
        call = one.invite("sip:joe@elsewhere.example")
        self.assertEqual(self.status(call), 200)
        self.assertEqual(far.calls[0].request.raw_uri, b"sip:joe@elsewhere.example")
        self.assertEqual(self.status(call.bye()), 200)

    def test_a_foreign_register_is_relayed_without_record_route(self) -> None:
        far = self.phone("registrar", "192.0.2.7")
        one = self.phone("1000")
        data = one.compose("REGISTER", "sip:192.0.2.7", "<sip:1000@x>;tag=1", "<sip:1000@x>", "call", 1)
        self.assertEqual(self.status(one.send(data, SERVER)), 200)
        self.assertIsNone(far.requests[0].header("record-route"))
        self.assertEqual(self.server.boot.find("usrloc").tables["aliases"].keys(), {"8885551192", "gateway"})

    def test_a_toll_free_number_is_an_alias(self) -> None:
        one, two = self.phones()
        self.assertEqual(self.status(one.invite("8885551192")), 200)
        self.assertEqual(two.calls[0].request.raw_uri, b"sip:1001@10.0.1.2:5060")

    def test_an_alias_may_lead_elsewhere(self) -> None:
        one, _ = self.phones()
        far = self.phone("0", "192.0.2.50")
        far.on_call = IncomingCall.answer
        self.assertEqual(self.status(one.invite("gateway")), 200)
        self.assertEqual(far.calls[0].request.raw_uri, b"sip:0@192.0.2.50")

    def test_an_ack_without_a_route_is_relayed(self) -> None:
        """As some gateways send it: straight to the contact of the phone."""
        one, two = self.phones()
        call = one.invite("1001")
        call.acknowledge = False
        self.assertEqual(self.status(call), 200)
        call.dialog.routes = []
        data = one.compose("ACK", call.dialog.target, call.dialog.local, call.dialog.remote, call.dialog.call_id, 1)
        one.send_raw(data, SERVER)
        self.clock.advance(0.1)
        self.assertTrue(two.calls[0].acknowledged)

    def test_an_ack_to_the_server_itself_ends(self) -> None:
        """It is relayed to where it came: at most until its hops are used up."""
        one, _ = self.phones()
        data = one._new("ACK", "sip:1001@10.0.0.1", [], b"").replace(b"Max-Forwards: 70", b"Max-Forwards: 5")
        one.send_raw(data, SERVER)
        self.clock.advance(1)
        self.assertLessEqual(len(self.from_server("ACK")), 5)


class WarningTests(RouterTestCase):
    def test_it_says_that_it_is_open(self) -> None:
        events: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            events.append(str(event.get("log_format")))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.serve(HelloWorld)
        self.assertTrue(any("open to everybody" in event for event in events))
        assert hello_world.__doc__ is not None
        self.assertTrue(hello_world.__doc__.startswith("OPEN TO EVERYBODY"))
