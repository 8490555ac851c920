"""sl: replies without a transaction (RFC 3261 8.2.6, 8.2.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipexpress import failure_route, onreply_route
from sipexpress.errors import HeaderError, RouteError
from sipexpress.testing import IncomingCall, RouterTestCase
from tests.modules.scripted import Script, Scripted, ScriptedTestCase
from tests.routers import Plain


class ReplyTests(ScriptedTestCase):
    def test_code_and_reason(self) -> None:
        exchange = self.ask(lambda route: route.sl.sl_send_reply("486", "Busy as a bee"))
        self.assertEqual((exchange.statuses, exchange.response.reason), ([486], "Busy as a bee"))

    def test_the_usual_reason_is_filled_in(self) -> None:
        self.assertEqual(self.ask(lambda route: route.sl.sl_send_reply(404)).response.reason, "Not Found")

    def test_nothing_is_kept(self) -> None:
        asked = []

        def script(route: Any) -> None:
            asked.append(route.method)
            route.sl.sl_send_reply(404)

        alice = self.play(script)
        data = alice._new("MESSAGE", "sip:bob@10.0.0.1", [], b"")
        for _ in range(3):
            alice.send_raw(data, alice.server)
        self.clock.advance(0.1)
        self.assertEqual(asked, ["MESSAGE"] * 3)
        self.assertEqual(self.server.servers.count, 0)
        replies = {packet.data for packet in self.wire.sent("SIP/2.0 404")}
        self.assertEqual(len(replies), 1, "a retransmission gets the same To tag")

    def test_the_tag_depends_on_the_request(self) -> None:
        alice = self.play(lambda route: route.sl.sl_send_reply(404))
        one, two = alice.request("MESSAGE", "bob"), alice.request("MESSAGE", "bob")
        self.clock.advance(0.1)
        self.assertNotEqual(one.response.to_tag, two.response.to_tag)

    def test_the_tag_of_another_server_is_another(self) -> None:
        tags = []
        for host, secret in (("10.0.0.1", b"a" * 32), ("10.0.0.2", b"b" * 32)):
            self.serve(Scripted(lambda route: route.sl.sl_send_reply(404)), host=host, secret=secret)
            alice = self.phone("alice", "10.0.1.9", server=(host, 5060))
            alice._count = 0
            exchange = alice.request("MESSAGE", "sip:bob@10.0.0.1")
            self.clock.advance(0.1)
            tags.append(exchange.response.to_tag)
            alice.socket.stop()
        self.assertNotEqual(tags[0], tags[1])

    def test_only_100_has_no_tag(self) -> None:
        def script(route: Any) -> None:
            for code in (100, 101, 180, 200):
                route.sl.sl_send_reply(code)

        exchange = self.ask(script, "INVITE")
        packets = self.wire.sent("SIP/2.0")
        self.assertEqual(
            [b";tag=" in packet.data.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0] for packet in packets],
            [False, True, True, True],
        )
        self.assertEqual(exchange.status, 200)

    def test_a_tag_that_is_there_stays(self) -> None:
        alice = self.play(lambda route: route.sl.sl_send_reply(481))
        data = alice.compose("BYE", "sip:bob@10.0.0.1", "<sip:a@x>;tag=1", "<sip:b@x>;tag=theirs", "c", 2)
        exchange = alice.send(data, alice.server)
        self.clock.advance(0.1)
        self.assertEqual(exchange.response.to_tag, b"theirs")

    def test_a_second_final_reply_is_not_sent(self) -> None:
        answers = []

        def script(route: Any) -> None:
            answers.append(route.sl.sl_send_reply(100, "Trying"))
            answers.append(route.sl.sl_send_reply(404, "Not Found"))
            answers.append(route.sl.sl_send_reply(486, "Busy"))
            answers.append(route.sl.sl_send_reply(180, "Ringing"))
            answers.append(route.sl.sl_reply_error())
            answers.append(route.tm.t_reply(500, "Error"))
            answers.append(route.tm.t_relay())

        self.ask(script, "INVITE")
        self.assertEqual(answers, [True, True, False, False, False, False, False])
        self.assertEqual(self.sent(), ["SIP/2.0 100 Trying", "SIP/2.0 404 Not Found"])

    def test_an_ack_is_never_answered(self) -> None:
        answers = []
        alice = self.play(lambda route: answers.append(route.sl.sl_send_reply(404, "Not Found")))
        alice.send_raw(alice._new("ACK", "sip:bob@10.0.0.1", [], b""), alice.server)
        self.clock.advance(0.1)
        self.assertEqual((answers, self.sent()), ([False], []))

    def test_through_the_transaction_where_there_is_one(self) -> None:
        def script(route: Any) -> None:
            route.tm.t_newtran()
            route.sl.sl_send_reply(486)

        alice = self.play(script)
        data = alice._new("INVITE", "sip:bob@10.0.0.1", [], b"")
        alice.send_raw(data, alice.server)
        self.clock.advance(0.3)
        alice.send_raw(data, alice.server)
        self.clock.advance(0.1)
        self.assertEqual(len(self.sent()), 2)
        self.clock.advance(0.5)
        self.assertEqual(len(self.sent()), 3, "it is sent until the ACK comes")

    def test_wrong_codes(self) -> None:
        for code in (99, 700, "4x4", "", True, -404, "\uff14\uff10\uff14"):
            self.assertEqual(self.answer_with(code), 500, code)
        self.assertEqual(len(self.flushLoggedErrors(RouteError)), 7)

    def answer_with(self, code: Any) -> int:
        self.setUp()
        return int(self.ask(lambda route: route.sl.sl_send_reply(code, "No")).status)

    def test_a_reason_cannot_become_a_header(self) -> None:
        exchange = self.ask(lambda route: route.sl.sl_send_reply(404, "No\r\nX-Evil: 1"))
        self.assertIsNone(exchange.response.header("x-evil"))
        self.assertEqual(exchange.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(HeaderError)), 1)


class ContactTests(ScriptedTestCase):
    """300 to 399 carry the target set."""

    def contacts(self, script: Script) -> list[str]:
        return [str(contact) for contact in self.ask(script, "INVITE").response.contacts]

    def test_the_rewritten_uri_and_what_was_appended(self) -> None:
        def script(route: Any) -> None:
            route.rewritehost("192.0.2.1")
            route.append_branch("sip:c@192.0.2.2", "0.5")
            route.append_branch()
            route.sl.sl_send_reply(302, "Moved")

        self.assertEqual(
            self.contacts(script), ["<sip:bob@192.0.2.1>", "<sip:c@192.0.2.2>;q=0.5", "<sip:bob@192.0.2.1>"]
        )

    def test_the_request_uri_as_it_came_is_no_target(self) -> None:
        self.assertEqual(self.contacts(lambda route: route.sl.sl_send_reply(300)), [])

    def test_no_other_code_has_them(self) -> None:
        def script(route: Any) -> None:
            route.rewritehost("192.0.2.1")
            route.sl.sl_send_reply(404)

        self.assertEqual(self.contacts(script), [])


class ErrorTests(ScriptedTestCase):
    """sl_reply_error: what failed last."""

    def line(self, script: Script) -> str:
        self.setUp()

        def then(route: Any) -> None:
            script(route)
            route.sl.sl_reply_error()

        self.ask(then)
        (line,) = self.sent()
        return line

    def test_nothing_failed(self) -> None:
        self.assertEqual(self.line(lambda route: None), "SIP/2.0 500 Server Internal Error (500/SL)")

    def test_a_uri_that_cannot_be_routed(self) -> None:
        def script(route: Any) -> None:
            route.rewriteuri("mailto:bob@example.com")
            route.tm.t_relay()

        self.assertEqual(self.line(script), "SIP/2.0 479 URI cannot be routed (479/SL)")

    def test_no_socket_for_the_next_hop(self) -> None:
        self.assertEqual(
            self.line(lambda route: route.forward("2001:db8::1")), "SIP/2.0 477 Next hop cannot be reached (477/SL)"
        )

    def test_a_bad_preference(self) -> None:
        for q in ("2", "high", "-1", "nan"):
            self.assertEqual(self.preferring(q), "SIP/2.0 400 Bad Request (400/SL)", q)

    def preferring(self, q: str) -> str:
        return self.line(lambda route: route.append_branch("sip:c@192.0.2.1", q))

    def test_a_bad_target(self) -> None:
        line = self.line(lambda route: route.append_branch("sip:c@"))
        self.assertEqual(line, "SIP/2.0 479 URI cannot be routed (479/SL)")

    def test_too_many_targets(self) -> None:
        def script(route: Any) -> None:
            results.extend(route.append_branch(f"sip:c@192.0.2.{number}") for number in range(1, 13))

        results: list[bool] = []
        self.assertEqual(self.line(script), "SIP/2.0 500 Server Internal Error (500/SL)")
        self.assertEqual(results, [True] * 11 + [False])


class AckFilterTests(ScriptedTestCase):
    """The ACK for a stateless failure is absorbed without state."""

    def acks_that_ran(
        self, change: Callable[[bytes], bytes], invite: Callable[[bytes], bytes] = lambda data: data
    ) -> int:
        methods = []

        def script(route: Any) -> None:
            methods.append(route.method)
            route.sl.sl_send_reply(404)

        alice = self.play(script)
        data = invite(alice._new("INVITE", "sip:bob@10.0.0.1", [], b""))
        alice.send_raw(data, alice.server)
        self.clock.advance(0.1)
        to = self.wire.sent("SIP/2.0 404")[0].data.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]
        ack = data.replace(b"INVITE", b"ACK").replace(b"To: <sip:bob@10.0.0.1>", b"To: " + to)
        self.assertIn(b";tag=", to)
        self.clock.advance(3)
        alice.send_raw(change(ack), alice.server)
        self.clock.advance(0.1)
        return methods.count("ACK")

    def test_it_is_absorbed(self) -> None:
        self.assertEqual(self.acks_that_ran(lambda ack: ack), 0)

    def test_another_tag_is_not(self) -> None:
        self.assertEqual(
            self.acks_that_ran(
                lambda ack: ack.replace(b"To: <sip:bob@10.0.0.1>;tag=", b"To: <sip:bob@10.0.0.1>;tag=x")
            ),
            1,
        )

    def test_no_tag_is_not(self) -> None:
        self.assertEqual(
            self.acks_that_ran(
                lambda ack: (
                    ack.partition(b"To: <sip:bob@10.0.0.1>")[0]
                    + b"To: <sip:bob@10.0.0.1>\r\n"
                    + ack.partition(b"To: ")[2].partition(b"\r\n")[2]
                )
            ),
            1,
        )

    def test_another_call_is_not(self) -> None:
        self.assertEqual(self.acks_that_ran(lambda ack: ack.replace(b"Call-ID: ", b"Call-ID: other-")), 1)

    def test_of_an_old_phone_without_branch(self) -> None:
        """RFC 2543: the whole top Via stands for the branch."""

        def old(data: bytes) -> bytes:
            before, _, rest = data.partition(b";branch=")
            return before + b";" + rest.partition(b";")[2]

        self.assertEqual(self.acks_that_ran(lambda ack: ack, old), 0)


class PlaceTests(RouterTestCase):
    def test_not_in_other_routes(self) -> None:
        class Misplaced(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure(self.failed)
                self.tm.t_on_reply(self.replied)
                return await super().route()

            @failure_route
            def failed(self) -> None:
                self.sl.sl_send_reply(480, "No")

            @onreply_route
            def replied(self) -> None:
                self.sl.sl_reply_error()

        self.serve(Misplaced)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.reject
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 486])
        texts = [str(failure.value) for failure in self.flushLoggedErrors(RouteError)]
        self.assertEqual(
            texts,
            [
                "sl_reply_error() may not be called in a onreply_route: it is allowed in route",
                "sl_send_reply() may not be called in a failure_route: it is allowed in route",
            ],
        )
