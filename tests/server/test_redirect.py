"""Redirects: 3xx with the target set, and 3xx of others (RFC 3261 8.3, 16.7)."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import failure_route, use
from sipexpress.modules import Sl, Tm
from sipexpress.testing import OutgoingCall
from tests.routers import Plain
from tests.server.behavior import CallCase, methods, reject


def contacts(call: OutgoingCall) -> list[str]:
    return [str(contact) for contact in call.response.contacts]


class Redirecting(Plain):
    """Sends callers on to where the user is, without a transaction."""

    async def route(self) -> Any:
        if self.method == "REGISTER":
            return await super().route()
        if not await self.registrar.lookup("location"):
            return self.sl.sl_send_reply(404, "Not Found")
        return self.sl.sl_send_reply("302", "Moved Temporarily")


class RedirectTests(CallCase):
    def test_every_contact_of_a_user_in_order_of_preference(self) -> None:
        self.server = self.serve(Redirecting)
        bob = self.phone("bob")
        bob.register(contact="<sip:bob@10.0.5.1>;q=0.2, <sip:bob@10.0.5.2;transport=tcp>;q=0.9, <sip:bob@10.0.5.3>")
        self.clock.advance(0.1)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [302])
        self.assertEqual(
            contacts(call),
            ["<sip:bob@10.0.5.3>", "<sip:bob@10.0.5.2;transport=tcp>;q=0.9", "<sip:bob@10.0.5.1>;q=0.2"],
        )
        self.assert_empty()

    def test_its_ack_runs_no_route(self) -> None:
        self.server = self.serve(Redirecting)
        alice, bob = self.registered("alice", "bob")
        alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(len(self.wire.sent("ACK", alice.address)), 1)
        self.assertEqual(methods(bob), [])
        self.assertEqual(self.server.counters["unfinished_routes"], 0)

    def test_through_a_transaction(self) -> None:
        class Stateful(sipexpress.Router):
            tm = use(Tm)

            def route(self) -> None:
                self.rewriteuri("sip:bob@10.0.5.1")
                self.append_branch("sip:bob@10.0.5.2", 0.5)
                self.tm.t_reply(300, "Multiple Choices")

        self.server = self.serve(Stateful)
        alice = self.phone("alice")
        self.wire.lose = lambda packet: packet.start_line.startswith("ACK")
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual((call.statuses, contacts(call)), ([300], ["<sip:bob@10.0.5.1>", "<sip:bob@10.0.5.2>;q=0.5"]))
        self.assertGreater(len(self.to(alice, "SIP/2.0 300")), 1)  # repeated until the ACK
        self.wire.lose = lambda packet: False
        self.assert_empty()

    def test_only_3xx_carries_the_target_set(self) -> None:
        class Refusing(sipexpress.Router):
            sl = use(Sl)

            def route(self) -> None:
                self.rewriteuri("sip:bob@10.0.5.1")
                self.append_branch("sip:bob@10.0.5.2")
                self.sl.sl_send_reply(480, "Not Now")

        self.server = self.serve(Refusing)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual((call.statuses, contacts(call)), ([480], []))

    def test_a_message_is_redirected_too(self) -> None:
        self.server = self.serve(Redirecting)
        alice, _ = self.registered("alice", "bob")
        message = alice.request("MESSAGE", "bob")
        self.clock.advance(1)
        self.assertEqual(message.statuses, [302])
        self.assertEqual([str(contact.uri) for contact in message.response.contacts], ["sip:bob@10.0.1.2:5060"])

    def test_from_a_failure_route(self) -> None:
        class Failing(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("redirect")
                return await super().route()

            @failure_route
            def redirect(self) -> None:
                self.revert_uri()
                self.append_branch("sip:mail@10.0.5.9")
                self.tm.t_reply(302, "Try the machine")

        self.server = self.serve(Failing)
        self.phones("bob", reject(486))
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual((call.statuses, contacts(call)), ([100, 302], ["<sip:mail@10.0.5.9>"]))
        self.assert_empty()

    def test_one_of_a_phone_is_passed_on_as_it_is(self) -> None:
        """PRX-21 without recursion: nobody but the caller follows it."""
        self.server = self.serve(Plain)
        self.phones("bob", lambda call: call.reply(302, headers=[("Contact", "<sip:elsewhere@10.9.9.9>")]))
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 302])
        self.assertIn("<sip:elsewhere@10.9.9.9>", contacts(call))
        self.assertEqual([packet for packet in self.wire.packets if packet.destination[0] == "10.9.9.9"], [])
