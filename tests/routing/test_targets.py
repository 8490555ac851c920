"""append_branch: the target set."""

from __future__ import annotations

from typing import Any

from sipexpress import failure_route
from sipexpress.testing import IncomingCall
from tests.routing.case import Bare, FaceTestCase


class AppendTests(FaceTestCase):
    """What may be added, and what becomes of it."""

    def contacts(self, fill: Any) -> list[str]:
        """The Contacts of a 302, after a route has filled its target set."""

        def route(self: Any) -> None:
            fill(self)
            self.sl.sl_send_reply(302, "Moved Temporarily")

        self.route(route)
        return [str(contact) for contact in self.ask().response.contacts]

    def test_the_current_uri(self) -> None:
        def fill(self: Any) -> None:
            self.rewritehost("one.example")
            self.append_branch()
            self.rewritehost("two.example")
            self.append_branch()
            self.revert_uri()

        self.assertEqual(self.contacts(fill), ["<sip:bob@one.example>", "<sip:bob@two.example>"])

    def test_the_rewritten_uri_comes_first(self) -> None:
        def fill(self: Any) -> None:
            self.append_branch("sip:x@two.example")
            self.rewritehost("one.example")

        self.assertEqual(self.contacts(fill), ["<sip:bob@one.example>", "<sip:x@two.example>"])

    def test_preferences(self) -> None:
        def fill(self: Any) -> None:
            for number, q in enumerate((0, 1, 0.5, "0.25", "1.0", None)):
                self.append_branch(f"sip:{number}@x.example", q)

        self.assertEqual(
            self.contacts(fill),
            [
                "<sip:0@x.example>;q=0",
                "<sip:1@x.example>;q=1",
                "<sip:2@x.example>;q=0.5",
                "<sip:3@x.example>;q=0.25",
                "<sip:4@x.example>;q=1",
                "<sip:5@x.example>",
            ],
        )

    def test_other_uris(self) -> None:
        self.assertEqual(self.contacts(lambda self: self.append_branch("tel:+4989123")), ["<tel:+4989123>"])

    def test_what_is_no_target_is_refused_and_said_by_sl_reply_error(self) -> None:
        def route(self: Any) -> None:
            uri, q = cases[len(said)]
            said.append(self.append_branch(uri, q))
            self.sl.sl_reply_error()

        cases: list[tuple[str, Any]] = [
            ("sip:x@h", -0.1),
            ("sip:x@h", "1.1"),
            ("sip:x@h", "much"),
            ("sip:x@h", "nan"),
            ("sip:x@h", ""),
            ("nonsense", None),
            ("sip:a b@h", None),
            ("sip:a@h\r\nX: y", None),
            ("", None),
            ("sip:" + "x" * 5000 + "@h", None),
        ]
        said = list[bool]()
        self.route(route)
        statuses = [self.ask().status for _ in cases]
        self.assertEqual(said, [False] * 10)
        self.assertEqual(statuses, [400] * 5 + [479] * 5)

    def test_twelve_targets_and_no_more(self) -> None:
        def route(self: Any) -> None:
            said.extend(self.append_branch(f"sip:{number}@10.0.1.{number + 1}") for number in range(1, 14))
            if self.method == "INFO":
                self.sl.sl_reply_error()
                return
            self.rewritehost("10.0.1.1")
            self.tm.t_relay()

        said = list[bool]()
        self.route(route)
        phones = [self.phone(str(number)) for number in range(14)]
        self.assertEqual(self.ask("MESSAGE", seconds=1).status, 200)
        self.assertEqual(said, [True] * 11 + [False] * 2)
        self.assertEqual([len(phone.requests) for phone in phones], [1] * 12 + [0] * 2)
        self.assertEqual(self.ask("INFO").status, 500)

    def test_the_same_target_twice_is_called_once(self) -> None:
        def route(self: Any) -> None:
            self.rewriteuri("sip:bob@10.0.1.1")
            self.append_branch()
            self.append_branch("sip:bob@10.0.1.1")
            self.tm.t_relay()

        self.route(route)
        bob = self.phone("bob")
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(len(bob.requests), 1)

    def test_relaying_uses_them_up(self) -> None:
        class Retrying(Bare):
            def route(self) -> None:
                self.rewriteuri("sip:bob@10.0.1.1")
                self.append_branch("sip:bob@10.0.1.2")
                self.tm.t_on_failure(self.again)
                self.tm.t_relay()

            @failure_route
            def again(self) -> None:
                said.append(self.tm.t_relay())
                self.append_branch("sip:carol@10.0.1.3")
                said.append(self.tm.t_relay())

        said = list[bool]()
        self.start(Retrying)
        phones = [self.phone(name) for name in ("one", "two", "carol")]
        for phone in phones:
            phone.on_call = IncomingCall.reject
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 486)
        self.assertEqual(said, [False, True])
        self.assertEqual([len(phone.calls) for phone in phones], [1, 1, 1])
