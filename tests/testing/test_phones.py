"""The phones of the kit: they register, call, ring, answer, hang up, and behave like real ones."""

from __future__ import annotations

from typing import Any

from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain
from tests.routing.case import Bare


class RegisterTests(RouterTestCase):
    """REGISTER."""

    def test_register_and_unregister(self) -> None:
        self.serve(Plain)
        bob, alice = self.phone("bob"), self.phone("alice")
        registered = bob.register()
        self.clock.advance(0.1)
        self.assertEqual(registered.status, 200)
        self.assertEqual([str(contact.uri) for contact in registered.response.contacts], ["sip:bob@10.0.1.1:5060"])
        gone = bob.register(0)
        call = alice.invite("bob")
        self.clock.advance(0.1)
        self.assertEqual((gone.status, gone.response.contacts, call.status), (200, [], 404))

    def test_each_one_counts_on(self) -> None:
        self.serve(Plain)
        bob = self.phone("bob")
        requests = [bob.register().request for _ in range(3)]
        self.assertEqual(len({request.call_id for request in requests}), 1)
        self.assertEqual([request.cseq.number for request in requests], [1, 2, 3])
        self.assertEqual(len({request.via.branch for request in requests}), 3)

    def test_registered_says_who_could_not(self) -> None:
        class Refusing(Bare):
            def route(self) -> None:
                self.sl.sl_send_reply(403, "No")

        self.serve(Refusing)
        error = self.assertRaises(self.failureException, self.registered, "bob")
        self.assertIn("bob could not register", str(error))

    def test_contacts_of_its_own_choice(self) -> None:
        self.serve(Plain)
        registered = self.phone("bob").register(contact="<sip:a@10.0.1.1>;q=0.5, <sip:b@10.0.1.1>", expires=60)
        self.clock.advance(0.1)
        self.assertEqual(
            sorted(str(contact.uri) for contact in registered.response.contacts), ["sip:a@10.0.1.1", "sip:b@10.0.1.1"]
        )


class CallTests(RouterTestCase):
    """INVITE, as caller and callee."""

    def both(self) -> Any:
        """Two registered phones at a server."""
        self.serve(Plain)
        return self.registered("alice", "bob")

    def test_ringing_is_the_default(self) -> None:
        alice, bob = self.both()
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual((call.statuses, call.status, len(bob.calls)), ([100, 180], 180, 1))
        self.assertIn(b"m=audio", bob.calls[0].request.body)

    def test_both_ends_know_the_dialog(self) -> None:
        alice, bob = self.both()
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        mine, theirs = call.dialog, bob.calls[0].dialog
        self.assertEqual((mine.call_id, mine.local, mine.remote), (theirs.call_id, theirs.remote, theirs.local))
        self.assertEqual(mine.target, "sip:bob@10.0.1.2:5060")
        self.assertEqual(theirs.target, "sip:alice@10.0.1.1:5060")
        self.assertEqual(mine.routes, theirs.routes)

    def test_requests_inside_count_on_at_both_ends(self) -> None:
        alice, bob = self.both()
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        exchanges = [call.dialog.request("INFO"), call.dialog.request("INFO"), call.bye()]
        exchanges += [bob.calls[0].dialog.request("INFO"), bob.calls[0].dialog.request("INFO")]
        self.clock.advance(1)
        self.assertEqual([exchange.status for exchange in exchanges], [200] * 5)
        self.assertEqual([exchange.request.cseq.number for exchange in exchanges], [101, 102, 103, 101, 102])

    def test_a_call_that_was_not_answered_has_no_dialog(self) -> None:
        alice, _ = self.both()
        call = alice.invite("bob")
        self.clock.advance(1)
        error = self.assertRaises(AssertionError, lambda: call.dialog)
        self.assertEqual(str(error), "the call was not answered: [100, 180]")

    def test_a_call_that_was_not_even_rung_has_none_either(self) -> None:
        alice, bob = self.both()
        bob.on_call = lambda call: None
        alice.invite("bob")
        self.clock.advance(1)
        self.assertRaises(AssertionError, lambda: bob.calls[0].dialog)

    def test_nothing_came_yet(self) -> None:
        alice, _ = self.both()
        call = alice.invite("bob")
        self.assertEqual((call.status, call.statuses), (0, []))
        self.assertEqual(str(self.assertRaises(AssertionError, lambda: call.response)), "no response to INVITE")

    def test_a_200_is_sent_until_its_ack(self) -> None:
        alice, bob = self.both()
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        call.acknowledge = False
        self.clock.advance(3)
        self.assertFalse(bob.calls[0].acknowledged)
        self.assertGreater(len(self.wire.sent("SIP/2.0 200", bob.address)), 2)
        call.dialog.request("ACK", cseq=1)
        self.clock.advance(0.1)
        self.assertTrue(bob.calls[0].acknowledged)
        count = len(self.wire.packets)
        self.clock.advance(60)
        self.assertEqual(len(self.wire.packets), count)

    def test_an_invite_is_sent_again_until_something_comes(self) -> None:
        self.wire.lose = lambda packet: True
        call = self.phone("alice").invite("bob")
        self.clock.advance(40)
        self.assertTrue(call.timed_out)
        self.assertEqual(len(self.wire.sent("INVITE")), 7)

    def test_a_refusal_is_acknowledged(self) -> None:
        alice, bob = self.both()
        bob.on_call = lambda call: call.reject(603)
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 603)
        self.assertEqual(
            [packet.start_line for packet in self.wire.sent("ACK", alice.address)], ["ACK sip:bob@10.0.0.1 SIP/2.0"]
        )

    def test_cancel(self) -> None:
        alice, bob = self.both()
        call = alice.invite("bob")
        self.clock.advance(1)
        cancel = call.cancel()
        self.clock.advance(1)
        self.assertEqual((call.status, cancel.status, bob.calls[0].canceled), (487, 200, True))

    def test_cancel_of_nothing(self) -> None:
        alice, bob = self.both()
        request = alice.compose("CANCEL", "sip:bob@10.0.1.2", "<sip:a@x>;tag=1", "<sip:bob@x>", "none", 1)
        canceled = alice.send(request, bob.address)
        self.clock.advance(0.1)
        self.assertEqual(canceled.status, 481)

    def test_retransmissions_are_one_call(self) -> None:
        alice, bob = self.both()
        self.wire.duplicates = 1.0
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(5)
        self.assertEqual((call.statuses.count(180), call.status, len(bob.calls)), (0, 200, 1))

    def test_two_forked_phones_answer_at_once(self) -> None:
        self.serve(Plain)
        alice, one, two = self.registered("alice", "bob", "bob")
        one.on_call = two.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 200, 200])
        self.assertEqual(len(call.dialogs), 2)
        self.assertTrue(one.calls[0].acknowledged and two.calls[0].acknowledged)
        targets = sorted(dialog.target for dialog in call.dialogs.values())
        self.assertEqual(targets, ["sip:bob@10.0.1.2:5060", "sip:bob@10.0.1.3:5060"])
        byes = [dialog.bye() for dialog in call.dialogs.values()]
        self.clock.advance(1)
        self.assertEqual([bye.status for bye in byes], [200, 200])
        self.assertEqual([phone.requests[-1].method for phone in (one, two)], ["BYE", "BYE"])

    def test_an_answer_without_contact(self) -> None:
        class Answering(Bare):
            def route(self) -> None:
                if self.method == "INVITE":
                    self.tm.t_reply(200, "OK")

        self.serve(Answering)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual((call.status, call.dialog.target), (200, "sip:bob@10.0.0.1"))

    def test_over_tcp_and_ipv6(self) -> None:
        class Six(Plain):
            listen = ("udp:[2001:db8::1]:5060", "tcp:[2001:db8::1]:5060")

        self.serve(Six)
        server = ("2001:db8::1", 5060)
        for protocol, alice_host, bob_host in (
            ("UDP", "2001:db8::a", "2001:db8::b"),
            ("TCP", "2001:db8::c", "2001:db8::d"),
        ):
            (alice,) = self.registered("alice", host=alice_host, server=server, protocol=protocol)
            (bob,) = self.registered("bob" + protocol, host=bob_host, server=server, protocol=protocol)
            bob.on_call = IncomingCall.answer
            call = alice.invite("bob" + protocol)
            self.clock.advance(1)
            self.assertEqual(call.status, 200)
            bye = call.bye()
            self.clock.advance(1)
            self.assertEqual(bye.status, 200)
            self.assertIn(b"c=IN IP6 " + alice_host.encode(), call.request.body)


class RequestTests(RouterTestCase):
    """Other requests."""

    def test_they_are_answered_200(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        exchange = alice.request("MESSAGE", "bob", body=b"hello")
        self.clock.advance(0.1)
        self.assertEqual(exchange.status, 200)
        self.assertEqual([request.body for request in bob.requests], [b"hello"])

    def test_or_as_one_likes(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_request = lambda incoming: incoming.reply(415, "What?", [("Accept", "text/plain")])
        exchange = alice.request("MESSAGE", "bob", [("X-Mine", "yes")])
        self.clock.advance(0.1)
        self.assertEqual((exchange.status, exchange.response.reason), (415, "What?"))
        self.assertEqual(exchange.response.header("accept"), b"text/plain")
        self.assertEqual(bob.requests[0].header("x-mine"), b"yes")

    def test_where_nobody_is(self) -> None:
        exchange = self.phone("alice").request("MESSAGE", "bob")
        self.clock.advance(1)
        self.assertTrue(exchange.timed_out)

    def test_each_phone_has_an_address_of_its_own(self) -> None:
        self.phone("x", "10.0.1.2")
        phones = [self.phone("alice"), self.phone("bob")]
        self.assertEqual([phone.address for phone in phones], [("10.0.1.1", 5060), ("10.0.1.3", 5060)])


class ManyTests(RouterTestCase):
    """A thousand calls, over a bad network."""

    def test_a_thousand_calls(self) -> None:
        self.wire.keep = False
        server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        self.wire.loss, self.wire.duplicates, self.wire.jitter = 0.05, 0.05, 0.05
        calls = []
        for _ in range(1000):
            calls.append(alice.invite("bob"))
            self.clock.advance(0.01)
        self.clock.advance(40)
        self.assertEqual({call.status for call in calls}, {200})
        self.assertEqual(len(bob.calls), 1000)
        byes = [call.bye() for call in calls]
        self.clock.advance(40)
        self.assertEqual({bye.status for bye in byes}, {200})
        self.clock.advance(64)
        self.assertEqual((server.servers.count, server.clients.count), (0, 0))
