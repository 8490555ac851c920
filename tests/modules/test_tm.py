"""tm: the functions that make, answer and end transactions (RFC 3261 16, 17.2; SER tm)."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from sipexpress.errors import RouteError
from tests.modules.scripted import ScriptedTestCase


class RelayTests(ScriptedTestCase):
    def test_only_once_in_a_route(self) -> None:
        results: list[bool] = []

        def script(route: Any) -> None:
            if route.method == "INVITE":
                route.rewriteuri("sip:bob@10.0.1.2")
                results.extend((route.tm.t_relay(), route.tm.t_relay()))

        alice = self.play(script)
        bob = self.phone("bob")
        call = alice.invite("bob")
        self.clock.advance(0.1)
        self.assertEqual((results, len(bob.calls), call.statuses), ([True, False], 1, [100, 180]))

    def test_one_good_target_is_enough(self) -> None:
        results: list[bool] = []

        def script(route: Any) -> None:
            route.rewriteuri("mailto:bob@example.com")
            route.append_branch("sip:bob@10.0.1.2;transport=pigeon")
            route.append_branch("sip:bob@10.0.1.2")
            results.append(route.tm.t_relay())

        alice = self.play(script)
        bob = self.phone("bob")
        exchange = alice.request("MESSAGE", "bob")
        self.clock.advance(0.1)
        self.assertEqual((results, exchange.status, len(bob.requests)), ([True], 200, 1))
        self.assertEqual(self.server.counters["bad_targets"], 2)

    def test_the_same_target_once(self) -> None:
        def script(route: Any) -> None:
            route.rewriteuri("sip:bob@10.0.1.2")
            route.append_branch()
            route.append_branch("sip:bob@10.0.1.2")
            route.tm.t_relay()

        alice = self.play(script)
        bob = self.phone("bob")
        alice.request("MESSAGE", "bob")
        self.clock.advance(0.1)
        self.assertEqual(len(bob.requests), 1)

    def test_twelve_targets_at_most(self) -> None:
        def script(route: Any) -> None:
            route.rewriteuri("sip:bob@10.0.1.2:6000")
            results.extend(route.append_branch(f"sip:bob@10.0.1.2:{port}") for port in range(6001, 6014))
            route.tm.t_relay()

        results: list[bool] = []
        self.play(script).request("MESSAGE", "bob")
        self.clock.advance(0.1)
        self.assertEqual(results, [True] * 11 + [False] * 2)
        self.assertEqual(len(self.sent("MESSAGE")), 12)

    def test_a_name_that_leads_nowhere_is_the_result_of_its_branch(self) -> None:
        results: list[bool] = []

        def script(route: Any) -> None:
            results.append(route.tm.t_relay())

        exchange = self.play(script).request("MESSAGE", "sip:bob@nowhere.example")
        self.clock.advance(0.1)
        self.assertEqual((results, exchange.status), ([True], 478))

    def test_ack_and_cancel_are_forwarded_without_state(self) -> None:
        def script(route: Any) -> None:
            route.rewriteuri("sip:bob@10.0.1.2")
            route.append_branch("sip:bob@10.0.1.3")
            results.append(route.tm.t_relay())

        results: list[bool] = []
        alice = self.play(script)
        self.phone("bob")
        for method in ("ACK", "CANCEL"):
            alice.send_raw(alice._new(method, "sip:bob@10.0.0.1", [], b""), alice.server)
        self.clock.advance(0.5)
        self.assertEqual(results, [True, True])
        self.assertEqual(
            self.sent("ACK") + self.sent("CANCEL"), [f"{m} sip:bob@10.0.1.2 SIP/2.0" for m in ("ACK", "CANCEL")]
        )
        self.assertEqual((self.server.servers.count, self.server.clients.count), (0, 0))

    def test_an_ack_to_a_uri_that_cannot_be_routed(self) -> None:
        results: list[bool] = []
        alice = self.play(lambda route: results.append(route.tm.t_relay()))
        alice.send_raw(alice._new("ACK", "mailto:bob@example.com", [], b""), alice.server)
        self.clock.advance(0.1)
        self.assertEqual((results, self.sent("")), ([False], []))


class NewtranTests(ScriptedTestCase):
    def test_makes_a_transaction_that_absorbs_retransmissions(self) -> None:
        asked = []

        def script(route: Any) -> None:
            asked.append((route.tm.t_lookup_request(), route.tm.t_newtran(), route.tm.t_lookup_request()))
            route.tm.t_reply(202, "Accepted")

        alice = self.play(script)
        data = alice._new("MESSAGE", "sip:bob@10.0.0.1", [], b"")
        for _ in range(3):
            alice.send_raw(data, alice.server)
            self.clock.advance(0.1)
        self.assertEqual(asked, [(False, True, True)])
        self.assertEqual(self.sent(), ["SIP/2.0 202 Accepted"] * 3)
        self.clock.advance(33)
        self.assertEqual(self.server.servers.count, 0)

    def test_twice_is_no_harm(self) -> None:
        results: list[bool] = []

        def script(route: Any) -> None:
            results.extend((route.tm.t_newtran(), route.tm.t_newtran()))
            route.tm.t_reply(200)

        self.ask(script)
        self.assertEqual(results, [True, True])

    def test_not_for_ack_and_cancel(self) -> None:
        results: list[tuple[bool, bool]] = []
        alice = self.play(lambda route: results.append((route.tm.t_newtran(), route.tm.t_reply(200))))
        for method in ("ACK", "CANCEL"):
            alice.send_raw(alice._new(method, "sip:bob@10.0.0.1", [], b""), alice.server)
        self.clock.advance(0.1)
        self.assertEqual((results, self.server.servers.count, self.sent()), ([(False, False)] * 2, 0, []))

    def test_not_after_a_stateless_answer(self) -> None:
        results: list[bool] = []

        def script(route: Any) -> None:
            route.sl.sl_send_reply(404)
            results.append(route.tm.t_newtran())

        self.ask(script)
        self.assertEqual((results, self.server.servers.count), ([False], 0))

    def test_relay_follows(self) -> None:
        def script(route: Any) -> None:
            route.tm.t_newtran()
            route.rewriteuri("sip:bob@10.0.1.2")
            route.tm.t_relay()

        alice = self.play(script)
        self.phone("bob")
        exchange = alice.request("MESSAGE", "bob")
        self.clock.advance(0.1)
        self.assertEqual(exchange.status, 200)

    def test_nothing_follows(self) -> None:
        """SER ends it with a warning: a transaction without an end would stay for ever."""
        for method in ("MESSAGE", "INVITE"):
            self.setUp()
            self.ask(lambda route: route.tm.t_newtran(), method)
            self.assertEqual((self.server.servers.count, self.server.counters["unfinished_routes"]), (0, 1), method)


class ReleaseTests(ScriptedTestCase):
    def test_ends_the_transaction_without_a_reply(self) -> None:
        results: list[bool] = []

        def script(route: Any) -> None:
            route.tm.t_newtran()
            results.extend((route.tm.t_release(), route.tm.t_lookup_request(), route.tm.t_release()))

        for method in ("MESSAGE", "INVITE"):
            self.setUp()
            results.clear()
            self.ask(script, method)
            self.assertEqual((results, self.sent(), self.server.servers.count), ([True, False, False], [], 0))
            self.assertEqual(self.server.counters["unfinished_routes"], 0)

    def test_not_without_a_transaction(self) -> None:
        results: list[bool] = []

        def script(route: Any) -> None:
            results.append(route.tm.t_release())
            route.sl.sl_send_reply(404)

        self.ask(script)
        self.assertEqual(results, [False])

    def test_not_what_was_forwarded_or_answered(self) -> None:
        results: list[bool] = []

        def script(route: Any) -> None:
            if route.method == "INVITE":
                route.rewriteuri("sip:bob@10.0.1.2")
                route.tm.t_relay()
            else:
                route.tm.t_reply(404)
            results.append(route.tm.t_release())

        alice = self.play(script)
        self.phone("bob")
        call, message = alice.invite("bob"), alice.request("MESSAGE", "bob")
        self.clock.advance(0.1)
        self.assertEqual((results, call.status, message.status), ([False, False], 180, 404))


class ReplyTests(ScriptedTestCase):
    def test_a_refusal_is_sent_until_its_ack(self) -> None:
        alice = self.play(lambda route: route.tm.t_reply("486", "Busy"))
        data = alice._new("INVITE", "sip:bob@10.0.0.1", [], b"")
        alice.send_raw(data, alice.server)
        self.clock.advance(5)
        self.assertGreater(len(self.sent()), 3)
        to = self.wire.sent("SIP/2.0 486")[0].data.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]
        alice.send_raw(data.replace(b"INVITE", b"ACK").replace(b"To: <sip:bob@10.0.0.1>", b"To: " + to), alice.server)
        self.clock.advance(0.1)
        count = len(self.sent())
        self.clock.advance(40)
        self.assertEqual((len(self.sent()), self.server.servers.count), (count, 0))

    def test_provisional_ones_and_a_final_one(self) -> None:
        results: list[bool] = []

        def script(route: Any) -> None:
            for code in (100, 180, 183, 480, 486, 200):
                results.append(route.tm.t_reply(code))

        call = self.play(script).invite("bob")
        self.clock.advance(0.1)
        self.assertEqual((results, call.statuses), ([True] * 4 + [False] * 2, [100, 180, 183, 480]))
        self.assertEqual(len({response.to_tag for response in call.responses[1:]}), 1)
        self.assertIsNone(call.responses[0].to_tag)

    def test_the_target_set_as_contacts(self) -> None:
        def script(route: Any) -> None:
            route.append_branch("sip:c@192.0.2.2", 0.5)
            route.tm.t_reply(302, "Moved")

        call = self.play(script).invite("bob")
        self.clock.advance(0.1)
        self.assertEqual([str(contact) for contact in call.response.contacts], ["<sip:c@192.0.2.2>;q=0.5"])

    def test_a_final_one_cancels_the_branches(self) -> None:
        clock = self.clock

        async def script(route: Any) -> None:
            if route.method != "INVITE":
                route.drop()
            route.rewriteuri("sip:bob@10.0.1.2")
            route.append_branch("sip:bob@10.0.1.3")
            route.tm.t_relay()
            waiting: Deferred[None] = Deferred()
            clock.callLater(1, waiting.callback, None)
            await waiting
            results.append(route.tm.t_reply(480, "Had enough"))

        results: list[bool] = []
        alice = self.play(script)
        bob, silent = self.phone("bob"), self.phone("bob")
        silent.on_call = lambda call: None
        call = alice.invite("bob")
        self.clock.advance(2)
        self.assertEqual((results, call.statuses), ([True], [100, 180, 480]))
        self.assertTrue(bob.calls[0].canceled)
        self.assertFalse(silent.calls[0].canceled, "nothing came from it: no CANCEL yet (RFC 3261 9.1)")
        silent.calls[0].answer()
        self.clock.advance(64)
        self.assertEqual((self.server.servers.count, self.server.clients.count), (0, 0))

    def test_wrong_codes(self) -> None:
        self.assertEqual(self.ask(lambda route: route.tm.t_reply(99, "No")).status, 500)
        self.assertEqual(len(self.flushLoggedErrors(RouteError)), 1)


class RetransmitTests(ScriptedTestCase):
    def test_the_last_reply_again(self) -> None:
        results: list[bool] = []

        def script(route: Any) -> None:
            results.append(route.tm.t_retransmit_reply())
            route.tm.t_newtran()
            results.append(route.tm.t_retransmit_reply())
            route.tm.t_reply(183)
            results.append(route.tm.t_retransmit_reply())
            route.tm.t_reply(404)

        call = self.play(script).invite("bob")
        self.clock.advance(0.1)
        self.assertEqual(results, [False, False, True])
        self.assertEqual(call.statuses, [183, 183, 404])
