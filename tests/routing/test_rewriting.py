"""SER's functions that rewrite the Request-URI."""

from __future__ import annotations

from typing import Any

from sipexpress import failure_route
from sipexpress.errors import RouteError
from sipexpress.testing import IncomingCall
from tests.routing.case import Bare, FaceTestCase

FULL = "sip:bob:secret@10.0.0.1:5070;x=1?Subject=hi"


class RewritingCase(FaceTestCase):
    """Tests of one function after the other."""

    def check(self, *cases: tuple[str, str, tuple[Any, ...], str]) -> None:
        """Call a function on a Request-URI, and compare what that is then. A function that gives
        False has changed nothing.
        """

        def route(self: Any) -> None:
            for before, name, arguments, _ in cases:
                self.rewriteuri(before)
                found.append((name, arguments, getattr(self, name)(*arguments), self.uri))
            self.ok()

        found = list[Any]()
        self.route(route)
        self.assertEqual(self.ask().status, 200)
        expected = [(name, arguments, bool(after), after or before) for before, name, arguments, after in cases]
        self.assertEqual(found, expected)


class PartTests(RewritingCase):
    """Each function, on a URI with every part."""

    def test_rewriteuri(self) -> None:
        self.check(
            (FULL, "rewriteuri", ("sip:x@y",), "sip:x@y"),
            (FULL, "seturi", ("sips:x@y:1;z",), "sips:x@y:1;z"),
            (FULL, "rewriteuri", ("tel:+49",), "tel:+49"),
            (FULL, "rewriteuri", ("",), ""),
            (FULL, "rewriteuri", ("sip:a b@c",), ""),
            (FULL, "rewriteuri", ("sip:a@b\r\nX: y",), ""),
        )

    def test_rewritehost(self) -> None:
        self.check(
            (FULL, "rewritehost", ("h",), "sip:bob:secret@h:5070;x=1?Subject=hi"),
            (FULL, "sethost", ("h.example",), "sip:bob:secret@h.example:5070;x=1?Subject=hi"),
            (FULL, "seth", ("[2001:db8::1]",), "sip:bob:secret@[2001:db8::1]:5070;x=1?Subject=hi"),
            ("sip:10.0.0.1", "rewritehost", ("h",), "sip:h"),
            (FULL, "rewritehost", ("",), ""),
            (FULL, "rewritehost", ("a b",), ""),
            (FULL, "rewritehost", ("h\r\nX: y",), ""),
        )

    def test_rewritehostport(self) -> None:
        self.check(
            (FULL, "rewritehostport", ("h:5080",), "sip:bob:secret@h:5080;x=1?Subject=hi"),
            (FULL, "sethostport", ("h",), "sip:bob:secret@h;x=1?Subject=hi"),
            (FULL, "sethp", ("[::1]:7",), "sip:bob:secret@[::1]:7;x=1?Subject=hi"),
            (FULL, "rewritehostport", ("h:0",), ""),
            (FULL, "rewritehostport", ("h:99999",), ""),
            (FULL, "rewritehostport", ("",), ""),
        )

    def test_rewriteport(self) -> None:
        self.check(
            (FULL, "rewriteport", (5080,), "sip:bob:secret@10.0.0.1:5080;x=1?Subject=hi"),
            (FULL, "setport", ("5080",), "sip:bob:secret@10.0.0.1:5080;x=1?Subject=hi"),
            ("sip:a@b", "setp", (1,), "sip:a@b:1"),
            (FULL, "rewriteport", (0,), ""),
            (FULL, "rewriteport", (65536,), ""),
            (FULL, "rewriteport", ("x",), ""),
            (FULL, "rewriteport", (-1,), ""),
        )

    def test_rewriteuser(self) -> None:
        self.check(
            (FULL, "rewriteuser", ("carol",), "sip:carol:secret@10.0.0.1:5070;x=1?Subject=hi"),
            (FULL, "setuser", ("a;b=c",), "sip:a;b=c:secret@10.0.0.1:5070;x=1?Subject=hi"),
            ("sip:10.0.0.1", "setu", ("bob",), "sip:bob@10.0.0.1"),
            (FULL, "rewriteuser", ("",), ""),
            (FULL, "rewriteuser", ("a@b",), ""),
            (FULL, "rewriteuser", ("a b",), ""),
        )

    def test_rewriteuserpass(self) -> None:
        self.check(
            (FULL, "rewriteuserpass", ("carol:p",), "sip:carol:p@10.0.0.1:5070;x=1?Subject=hi"),
            (FULL, "setuserpass", ("carol",), "sip:carol@10.0.0.1:5070;x=1?Subject=hi"),
            ("sip:10.0.0.1", "setup", ("a:b",), "sip:a:b@10.0.0.1"),
        )

    def test_prefix(self) -> None:
        self.check(
            (FULL, "prefix", ("00",), "sip:00bob:secret@10.0.0.1:5070;x=1?Subject=hi"),
            ("sip:10.0.0.1", "prefix", ("00",), "sip:00@10.0.0.1"),
            ("sip:10.0.0.1", "prefix", ("a@",), ""),
        )

    def test_strip(self) -> None:
        self.check(
            (FULL, "strip", (1,), "sip:ob:secret@10.0.0.1:5070;x=1?Subject=hi"),
            (FULL, "strip", ("2",), "sip:b:secret@10.0.0.1:5070;x=1?Subject=hi"),
            (FULL, "strip", (0,), FULL),
            (FULL, "strip", (3,), "sip:10.0.0.1:5070;x=1?Subject=hi"),
            (FULL, "strip", (99,), "sip:10.0.0.1:5070;x=1?Subject=hi"),
            ("sip:10.0.0.1", "strip", (1,), "sip:10.0.0.1"),
        )

    def test_strip_tail(self) -> None:
        self.check(
            (FULL, "strip_tail", (1,), "sip:bo:secret@10.0.0.1:5070;x=1?Subject=hi"),
            (FULL, "strip_tail", ("2",), "sip:b:secret@10.0.0.1:5070;x=1?Subject=hi"),
            (FULL, "strip_tail", (0,), FULL),
            (FULL, "strip_tail", (99,), "sip:10.0.0.1:5070;x=1?Subject=hi"),
            ("sip:10.0.0.1", "strip_tail", (1,), "sip:10.0.0.1"),
        )

    def test_sips_stays_sips(self) -> None:
        self.check(
            ("sips:bob@h", "rewriteuser", ("x",), "sips:x@h"),
            ("sips:bob@h", "rewritehost", ("y",), "sips:bob@y"),
            ("sips:bob@h", "strip", (1,), "sips:ob@h"),
        )

    def test_other_uris_are_left_alone(self) -> None:
        for uri in ("tel:+4989123", "urn:service:sos"):
            self.check(
                (uri, "rewritehost", ("h",), ""),
                (uri, "rewritehostport", ("h:1",), ""),
                (uri, "rewriteport", (1,), ""),
                (uri, "rewriteuser", ("x",), ""),
                (uri, "rewriteuserpass", ("x:y",), ""),
                (uri, "prefix", ("0",), ""),
                (uri, "strip", (1,), ""),
                (uri, "strip_tail", (1,), ""),
            )
            self.setUp()

    def test_a_result_that_is_too_long(self) -> None:
        self.check(
            ("sip:b@h", "rewriteuser", ("x" * 1018,), "sip:" + "x" * 1018 + "@h"),
            ("sip:b@h", "rewriteuser", ("x" * 1019,), ""),
            ("sip:b@h", "prefix", ("x" * 1018,), ""),
            ("sip:b@h", "rewritehost", ("x" * 1019,), ""),
        )

    def test_a_count_that_is_none(self) -> None:
        def route(self: Any) -> None:
            for count in (-1, "x", 1.5, None, ""):
                for function in (self.strip, self.strip_tail):
                    try:
                        function(count)
                    except RouteError as error:
                        said.append(str(error))
            self.ok(self.uri)

        said = list[str]()
        self.route(route)
        self.assertEqual(self.said(self.ask()), "sip:bob@10.0.0.1")
        self.assertEqual(len(said), 10)
        self.assertEqual(said[0], "-1: expected a number of characters")


class StateTests(FaceTestCase):
    """What rewriting does to the rest of the request."""

    def test_revert_uri(self) -> None:
        def route(self: Any) -> None:
            self.rewriteuser("x")
            self.rewritehostport("y:1")
            self.append_branch("sip:z@10.0.1.9")
            self.ok((self.revert_uri(), self.uri, self.revert_uri()))

        self.route(route)
        self.assertEqual(self.said(self.ask()), "(True, 'sip:bob@10.0.0.1', True)")

    def test_the_next_hop_is_taken_back_with_the_host(self) -> None:
        def route(self: Any) -> None:
            for name, arguments in (
                ("rewriteuser", ("x",)),
                ("rewriteuserpass", ("x:y",)),
                ("rewriteport", (1,)),
                ("prefix", ("0",)),
                ("strip", (1,)),
                ("revert_uri", ()),
                ("rewritehost", ("h",)),
                ("rewritehostport", ("h:1",)),
                ("rewriteuri", ("sip:a@b",)),
            ):
                self.msg.dst_uri = b"sip:10.9.9.9"
                getattr(self, name)(*arguments)
                if self.dst_uri is None:
                    gone.append(name)
            self.ok()

        gone = list[str]()
        self.route(route)
        self.ask()
        self.assertEqual(gone, ["rewritehost", "rewritehostport", "rewriteuri"])

    def test_a_refused_rewriting_keeps_the_next_hop(self) -> None:
        def route(self: Any) -> None:
            self.msg.dst_uri = b"sip:10.9.9.9"
            self.ok((self.rewritehost(""), self.rewriteuri(""), self.dst_uri))

        self.route(route)
        self.assertEqual(self.said(self.ask()), "(False, False, 'sip:10.9.9.9')")

    def test_what_is_sent_is_the_new_one(self) -> None:
        def route(self: Any) -> None:
            self.strip(1)
            self.prefix("+49")
            self.rewritehostport("10.0.1.1:5060")
            self.tm.t_relay()

        self.route(route)
        gateway = self.phone("gateway")
        self.assertEqual(self.ask(to="089123").status, 200)
        self.assertEqual(str(gateway.requests[0].uri), "sip:+4989123@10.0.1.1:5060")
        self.assertEqual(str(gateway.requests[0].to.uri), "sip:089123@10.0.0.1")

    def test_a_failure_route_begins_with_the_relayed_one(self) -> None:
        class Retrying(Bare):
            def route(self) -> None:
                self.tm.t_on_failure(self.again)
                self.rewritehostport("10.0.1.1:5060")
                self.tm.t_relay()

            @failure_route
            def again(self) -> None:
                seen.append(self.uri)
                if len(seen) < 3:
                    self.rewriteuser(f"try{len(seen)}")
                    self.append_branch()
                    self.tm.t_on_failure(self.again)
                    self.tm.t_relay()

        seen = list[str]()
        self.start(Retrying)
        bob = self.phone("bob")
        bob.on_call = IncomingCall.reject
        self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(seen, ["sip:bob@10.0.1.1:5060"] * 3)
        self.assertEqual(
            [str(call.request.uri) for call in bob.calls],
            [f"sip:{user}@10.0.1.1:5060" for user in ("bob", "try1", "try2")],
        )
