"""Text from the wire in places where it could become something else: headers, hosts, log lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import eventAsText, globalLogPublisher

import sipexpress
from sipexpress import use
from sipexpress.errors import HeaderError
from sipexpress.modules import Registrar, Rr, Sl, Tm, Usrloc
from sipexpress.testing import RouterTestCase
from sipexpress.testing.agent import Exchange
from tests.routers import Plain
from tests.server.behavior import HERE

NASTY = ("x\r\nEvil: 1", "x\nEvil: 1", "x\rEvil: 1", "x\0y")


class Doing(sipexpress.Router):
    """Does to each request what a test says."""

    sl = use(Sl)
    tm = use(Tm)
    rr = use(Rr, add_username=True)
    usrloc = use(Usrloc)
    registrar = use(Registrar)

    def __init__(self, what: Callable[[Any], Any]) -> None:
        self.what = what

    def route(self) -> Any:
        return self.what(self)


class HeaderTests(RouterTestCase):
    """No text makes a header line of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.router = Doing(lambda twin: None)
        self.serve(self.router)
        self.alice = self.phone("alice")

    def play(self, what: Callable[[Any], Any], uri: str = "sip:bob@10.0.1.9") -> Exchange:
        """Send one request through a router that does `what`."""
        self.router.what = what
        exchange = self.alice.request("MESSAGE", uri)
        self.clock.advance(0.1)
        return exchange

    def assert_no_evil(self) -> None:
        for packet in self.wire.packets:
            self.assertNotIn(b"\nEvil", packet.data.replace(b"\r", b"\n"))
            self.assertNotIn(b"\0", packet.data)

    def test_the_reason_of_a_reply(self) -> None:
        for reply in (
            lambda self, text: self.sl.sl_send_reply(404, text),
            lambda self, text: self.tm.t_reply(404, text),
        ):
            for text in NASTY:
                exchange = self.play(lambda twin: reply(twin, text))  # noqa: B023
                self.assertEqual(exchange.status, 500)
                self.assertEqual(len(self.flushLoggedErrors(HeaderError)), 1)
        self.assert_no_evil()

    def test_the_reason_from_an_escaped_user(self) -> None:
        self.play(lambda twin: twin.sl.sl_send_reply(404, f"No {twin.msg.uri.user_unescaped}"), "sip:a%0d%0aEvil:1@x")
        self.flushLoggedErrors(HeaderError)
        self.assert_no_evil()

    def test_added_headers(self) -> None:
        for text in NASTY:
            self.play(lambda twin: (twin.msg.add("X", text), twin.tm.t_relay()))  # noqa: B023
            self.play(lambda twin: (twin.msg.set("X", text), twin.tm.t_relay()))  # noqa: B023
            self.play(lambda twin: (twin.msg.add(text, "y"), twin.tm.t_relay()))  # noqa: B023
        self.assertEqual(len(self.flushLoggedErrors(HeaderError)), 3 * len(NASTY))
        self.assert_no_evil()

    def test_record_route_preset(self) -> None:
        for text in (*NASTY, "a> , <sip:evil", 'a";x', "a b"):
            self.play(lambda twin: (twin.rr.record_route_preset(text), twin.tm.t_relay()))  # noqa: B023
            self.assertEqual(len(self.flushLoggedErrors(HeaderError)), 1)
        self.assert_no_evil()

    def results(self, name: str, *arguments: str) -> list[bool]:
        """What a function of the face gives in a route."""
        found: list[bool] = []

        def what(twin: Any) -> None:
            found.append(getattr(twin, name)(*arguments))
            twin.tm.t_relay()

        self.play(what)
        return found

    def test_rewriting(self) -> None:
        names = "rewriteuri rewritehost rewritehostport rewriteport rewriteuser rewriteuserpass prefix append_branch"
        for text in (*NASTY, "a b", "a<b", "a>b", "a\tb", 'sip:a@b SIP/2.0\r\nEvil: 1\r\nX: "'):
            for name in names.split():
                self.assertEqual(self.results(name, text), [False], (name, text))
        self.assert_no_evil()

    def test_q_of_append_branch(self) -> None:
        for q in ("1\r\nEvil: 1", "nan", "inf", "-1", "2", "", "0.5;x=y"):
            self.assertEqual(self.results("append_branch", "sip:a@b", q), [False], q)
        self.assert_no_evil()

    def test_received_is_quoted(self) -> None:
        def what(twin: Any) -> Any:
            twin.avp[42] = 'sip:x";expires=0, <sip:evil@10.9.9.9>;a="\\'
            return twin.registrar.save("location")

        self.router.what = what
        exchange = self.alice.register()
        self.clock.advance(0.1)
        self.assertEqual(exchange.status, 200)
        (contact,) = exchange.response.contacts
        self.assertEqual(contact.param("expires"), "3600")


class RouteTests(RouterTestCase):
    """Record-Route leads to this server, whatever the caller calls himself."""

    def test_a_from_tag_does_not_change_where_it_leads(self) -> None:
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        for tag in (b"a@evil.example", b"a?b", b"a&c=d", b"\xff\xc3", b"x" * 9000, b"[a]"):
            invite = alice._new("INVITE", "sip:bob@10.0.0.1", [], b"").replace(b";tag=", b";tag=" + tag)
            alice.send_raw(invite, HERE)
            self.clock.advance(0.1)
            (route,) = bob.calls[-1].request.header_list("record-route")
            self.assertRegex(route, rb"\A<sip:10\.0\.0\.1:5060;(ftag=[\w.-]+;)?dm=[0-9a-f]{16};lr>\Z")
            self.assertLess(len(route), 400)
        self.assertEqual(len(bob.calls), 6)


class HostTests(RouterTestCase):
    """A part of a URI that is replaced changes that part only."""

    def setUp(self) -> None:
        super().setUp()
        self.router = Doing(lambda twin: None)
        self.serve(self.router)
        self.alice = self.phone("alice")

    def rewritten(self, method: str, text: str) -> str:
        seen: list[str] = []

        def what(twin: Any) -> None:
            getattr(twin, method)(text)
            seen.append(twin.uri)
            twin.sl.sl_send_reply(200)

        self.router.what = what
        self.alice.request("MESSAGE", "sip:bob@10.0.1.9;x=y")
        self.clock.advance(0.1)
        return seen[0]

    def test_a_user_moves_no_host(self) -> None:
        for text in (
            "a@evil.example",
            "a@evil.example?x=",
            "a@evil.example;x=",
            "a@evil.example:5060?x=",
            "a:b@evil.example?x=",
            "a:b",
        ):
            for method in ("rewriteuser", "prefix"):
                self.assertEqual(self.rewritten(method, text), "sip:bob@10.0.1.9;x=y", (method, text))
            if text != "a:b":
                self.assertEqual(self.rewritten("rewriteuserpass", text), "sip:bob@10.0.1.9;x=y", text)

    def test_a_host_is_a_host(self) -> None:
        for text in ("evil.example;maddr=10.9.9.9", "evil@other.example", "evil.example?x=y", "evil.example:99", ""):
            self.assertEqual(self.rewritten("rewritehost", text), "sip:bob@10.0.1.9;x=y", text)


class LogTests(RouterTestCase):
    """What a peer writes cannot forge a log line or drive a terminal."""

    def setUp(self) -> None:
        super().setUp()
        self.events: list[str] = []
        observer: Any = lambda event: self.events.append(eventAsText(event))  # noqa: E731
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def send(self, uri: bytes, call_id: bytes = b"x\x1b[2Jy\xc2\x85z\xe2\x80\xa8") -> None:
        phone = self.phone("mallory")
        data = phone._new("MESSAGE", "sip:bob@10.0.0.1", [], b"")
        rest = data.partition(b"\r\n")[2]
        before, _, after = rest.partition(b"Call-ID: ")
        data = (
            b"MESSAGE " + uri + b" SIP/2.0\r\n" + before + b"Call-ID: " + call_id + b"\r\n" + after.split(b"\r\n", 1)[1]
        )
        phone.send_raw(data, HERE)
        self.clock.advance(1)

    def assert_clean(self) -> None:
        text = "".join(self.events)
        self.assertIn("MESSAGE", text)
        for char in "\x1b\x07\x85\u2028\u202e\0\x9b":
            self.assertNotIn(char, text)
        self.assertFalse([char for char in text if 0xD800 <= ord(char) < 0xE000])

    uris = (b"foo:\x1b]0;owned\x07", b"sip:a\xc2\x9b2J@b", b"foo:\xe2\x80\xa8x\xe2\x80\xae", b"foo:\xff\xfe\0")

    def test_unfinished_routes(self) -> None:
        self.serve(Doing(lambda twin: None))
        for uri in self.uris:
            self.send(uri)
        self.assert_clean()

    def test_routes_that_raise(self) -> None:
        def what(twin: Any) -> None:
            raise KeyError("nothing")

        self.serve(Doing(what))
        for uri in self.uris:
            self.send(uri)
        self.flushLoggedErrors(KeyError)
        self.assert_clean()

    def test_what_a_route_logs(self) -> None:
        self.serve(Doing(lambda twin: (twin.log(1, f"{twin.method} to {twin.uri}\n"), twin.drop())))
        for uri in self.uris:
            self.send(uri)
        self.assert_clean()
        self.assertFalse([event for event in self.events if "\n" in event.strip()])

    def test_the_trace_shows_no_credentials(self) -> None:
        self.serve(Plain, trace=True)
        phone = self.phone("bob")
        for name in ("Authorization", "authorization ", "Proxy-Authorization", "AUTHORIZATION"):
            for value in ('Digest response="SECRET"', 'Digest a="b",\r\n response="SECRET"'):
                data = phone._new("MESSAGE", "sip:bob@10.0.0.1", [(name, value)], b"")
                for before in (b"", b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n\r\n"):
                    phone.send_raw(before + data, HERE)
        phone.send_raw(b"GARBAGE\r\nAuthorization: Digest SECRET\r\n", HERE)
        self.clock.advance(1)
        text = "".join(self.events)
        self.assertIn("GARBAGE", text)
        self.assertNotIn("SECRET", text)
