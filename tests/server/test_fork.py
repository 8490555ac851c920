"""Parallel forking and the response context (RFC 3261 16.6, 16.7)."""

from __future__ import annotations

from collections.abc import Callable

from sipexpress.testing import IncomingCall, OutgoingCall, Phone, RouterTestCase
from tests.routers import Plain


def reject(code: int, *headers: tuple[str, str]) -> Callable[[IncomingCall], None]:
    """A phone that refuses."""
    return lambda call: call.reply(code, headers=headers)


class ForkTests(RouterTestCase):
    def fork(self, *behaviors: Callable[[IncomingCall], None]) -> tuple[OutgoingCall, list[Phone]]:
        """alice calls bob, who has a phone for each behavior."""
        self.server = self.serve(Plain)
        phones = []
        for behavior in behaviors:
            phone = self.phone("bob")
            phone.on_call = behavior
            phone.register()
            phones.append(phone)
        self.clock.advance(1)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        return call, phones

    def test_one_answers_the_others_are_canceled(self) -> None:
        call, (one, two, three) = self.fork(IncomingCall.ring, IncomingCall.ring, IncomingCall.ring)
        self.assertEqual(call.statuses, [100, 180, 180, 180])
        two.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        self.assertTrue(one.calls[0].canceled and three.calls[0].canceled)
        self.assertFalse(two.calls[0].canceled)
        reason = one.requests[1].header("reason") or b""
        self.assertIn(b"cause=200", reason)
        self.clock.advance(64)
        self.assertEqual((self.server.servers.count, self.server.clients.count), (0, 0))

    def test_two_answer_at_once(self) -> None:
        call, (one, two) = self.fork(IncomingCall.ring, IncomingCall.ring)
        one.calls[0].answer()
        two.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.statuses[-2:], [200, 200])
        self.assertEqual(len(call.dialogs), 2)
        self.assertTrue(one.calls[0].acknowledged and two.calls[0].acknowledged)

    def test_best_of_all_failures(self) -> None:
        call, _ = self.fork(reject(480), reject(404), reject(503))
        self.assertEqual(call.status, 404)

    def test_decline_everywhere_wins_and_cancels(self) -> None:
        call, (one, two) = self.fork(IncomingCall.ring, IncomingCall.ring)
        one.calls[0].reject(603)
        self.clock.advance(1)
        self.assertTrue(two.calls[0].canceled)
        self.assertEqual(call.status, 603)

    def test_challenges_are_merged(self) -> None:
        call, _ = self.fork(
            reject(401, ("WWW-Authenticate", 'Digest realm="one", nonce="1"')),
            reject(407, ("Proxy-Authenticate", 'Digest realm="two", nonce="2"')),
            reject(404),
        )
        self.assertEqual(call.status, 401)
        self.assertIn(b"one", call.response.header("www-authenticate") or b"")
        self.assertIn(b"two", call.response.header("proxy-authenticate") or b"")

    def test_503_goes_up_as_500(self) -> None:
        call, _ = self.fork(reject(503))
        self.assertEqual(call.status, 500)

    def test_one_phone_is_gone(self) -> None:
        """Nobody at the address: ICMP ends that branch at once, the other one decides."""
        call, (one, two) = self.fork(IncomingCall.ring, IncomingCall.ring)
        two.socket.stop()
        one.calls[0].reject(486)
        self.clock.advance(200)
        self.assertEqual(call.status, 486)

    def test_order_of_preference_and_limit(self) -> None:
        self.serve(Plain)
        bob = self.phone("bob")
        contacts = ", ".join(f"<sip:bob@10.0.5.{number}>;q=0.{number % 10}" for number in range(10))
        registered = bob.register(contact=contacts)
        self.clock.advance(1)
        self.assertEqual(registered.status, 200)
        self.phone("alice").invite("bob")
        self.clock.advance(0.1)
        invites = [packet for packet in self.wire.sent("INVITE") if packet.source[0] == "10.0.0.1"]
        self.assertEqual(len(invites), 10)
        self.assertEqual(invites[0].destination[0], "10.0.5.9")
