"""The values that routes read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipexpress import failure_route, onreply_route
from sipexpress.errors import RouteError
from sipexpress.testing import IncomingCall
from tests.routing.case import Bare, FaceTestCase


class RequestTests(FaceTestCase):
    """Of the request in hand."""

    def value(self, get: Callable[[Any], object], **request: Any) -> str:
        """What a route finds."""
        self.route(lambda self: self.ok(get(self)))
        return self.said(self.ask(**request))

    def test_method(self) -> None:
        self.assertEqual(self.value(lambda self: self.method, method="NOTIFY"), "NOTIFY")

    def test_a_method_of_its_own(self) -> None:
        self.assertEqual(self.value(lambda self: self.method, method="DANCE"), "DANCE")

    def test_uri(self) -> None:
        self.assertEqual(self.value(lambda self: self.uri, to="sip:bob@10.0.0.1;x=1"), "sip:bob@10.0.0.1;x=1")

    def test_dst_uri(self) -> None:
        self.assertEqual(self.value(lambda self: self.dst_uri), "None")

    def test_from_uri_and_to_uri(self) -> None:
        found = self.value(lambda self: (self.from_uri, self.to_uri))
        self.assertEqual(found, "('sip:alice@10.0.0.1', 'sip:bob@10.0.0.1')")

    def test_source_and_destination(self) -> None:
        found = self.value(lambda self: (self.src_ip, self.src_port, self.dst_ip, self.dst_port, self.af, self.proto))
        self.assertEqual(found, "('10.0.1.1', 5060, '10.0.0.1', 5060, 'inet', 'udp')")

    def test_over_tcp(self) -> None:
        self.assertEqual(self.value(lambda self: self.proto, protocol="TCP"), "tcp")

    def test_over_ipv6(self) -> None:
        def route(self: Any) -> None:
            self.ok((self.af, self.src_ip, self.dst_ip, self.src_ip == "2001:db8::/32", self.dst_ip == self.myself))

        self.route(route, host="2001:db8::1")
        self.assertEqual(
            self.said(self.ask(host="2001:db8::7", server=("2001:db8::1", 5060))),
            "('inet6', '2001:db8::7', '2001:db8::1', True, True)",
        )

    def test_msg_len_is_what_was_received(self) -> None:
        def route(self: Any) -> None:
            before = self.msg_len
            self.msg.add("X-More", "x" * 100)
            self.ok((before, self.msg_len, self.max_len))

        self.route(route, max_len=2048)
        exchange = self.ask(body=b"x" * 500)
        length = len(exchange.request.raw)
        self.assertEqual(self.said(exchange), f"({length}, {length}, 2048)")

    def test_status_before_and_after_a_reply(self) -> None:
        def route(self: Any) -> None:
            seen.append(self.status)
            self.sl.sl_send_reply(183, "Going on")
            seen.append(self.status)
            self.sl.sl_send_reply(404, "Not Found")
            seen.append(self.status)

        seen = list[str]()
        self.route(route)
        self.ask()
        self.assertEqual(seen, ["", "183", "404"])


class NetworkTests(FaceTestCase):
    """`src_ip` and `dst_ip` are compared with addresses and networks."""

    def test_comparisons(self) -> None:
        def route(self: Any) -> None:
            self.ok(
                (
                    self.src_ip == "10.0.1.7",
                    self.src_ip == "10.0.1.8",
                    self.src_ip == "10.0.0.0/16",
                    self.src_ip == "10.0.1.7/255.255.255.0",
                    self.src_ip == "192.168.0.0/16",
                    self.src_ip != "10.0.0.0/16",
                    self.src_ip != "192.168.0.0/16",
                    self.src_ip == "2001:db8::/32",
                    self.src_ip in ("10.9.9.9", "10.0.1.7"),
                    self.src_ip == self.myself,
                    self.dst_ip == self.myself,
                    self.src_ip == None,  # noqa: E711
                    {"10.0.1.7": "found"}.get(self.src_ip),
                )
            )

        self.route(route)
        self.assertEqual(
            self.said(self.ask(host="10.0.1.7")),
            str((True, False, True, True, False, False, True, False, True, False, True, False, "found")),
        )


class MyselfTests(FaceTestCase):
    """`myself` names every socket and alias."""

    def test_uris(self) -> None:
        cases = {
            "sip:10.0.0.1": True,
            "sip:bob@10.0.0.1": True,
            "sip:bob@10.0.0.1:5060": True,
            "sip:bob@10.0.0.1:5060;transport=tcp": True,
            "sip:bob@10.0.0.1:5070": False,
            "sip:bob@10.0.0.9": False,
            "sip:bob@office.example": True,
            "sip:bob@OFFICE.example.": True,
            "sip:bob@office.example:7000": True,
            "sip:bob@branch.example:5070": True,
            "sip:bob@branch.example": False,
            "sip:office.example@10.0.0.9": False,
            "sip:bob@office.example.org": False,
            "sip:bob@[2001:db8::1]": True,
            "sip:bob@[2001:DB8::1]:5060": True,
            "tel:+4989123": False,
            "sips:bob@10.0.0.1:5060": True,
            "sips:bob@10.0.0.1": False,
            "mailto:bob@office.example": False,
            "nonsense": False,
            "": False,
        }

        class Named(Bare):
            listen = ("udp:10.0.0.1:5060", "udp:[2001:db8::1]:5060")
            aliases = ("office.example", "udp:branch.example:5070")

            def route(self) -> None:
                found.update((text, (text == self.myself, self.myself != text)) for text in cases)
                self.ok()

        found = dict[str, tuple[bool, bool]]()
        self.start(Named)
        self.ask()
        self.assertEqual(found, {text: (is_mine, not is_mine) for text, is_mine in cases.items()})

    def test_the_current_uri(self) -> None:
        def route(self: Any) -> None:
            before = self.uri == self.myself
            self.rewritehost("10.9.9.9")
            self.ok((before, self.uri == self.myself, self.from_uri == self.myself, self.to_uri != self.myself))

        self.route(route)
        self.assertEqual(self.said(self.ask()), "(True, False, True, False)")

    def test_what_is_advertised(self) -> None:
        self.route(
            lambda self: self.ok((self.myself == "sip:x@192.0.2.1:5080", self.myself == "sip:x@10.0.0.1")),
            advertise="192.0.2.1:5080",
        )
        self.assertEqual(self.said(self.ask()), "(True, True)")

    def test_it_has_no_hash_and_a_short_repr(self) -> None:
        def route(self: Any) -> None:
            try:
                hash(self.myself)
            except TypeError:
                self.ok(repr(self.myself))

        self.route(route)
        self.assertEqual(self.said(self.ask()), "myself")


class ReplyTests(FaceTestCase):
    """In reply and failure routes."""

    def test_of_the_reply_in_hand(self) -> None:
        class Watching(Bare):
            def route(self) -> None:
                self.tm.t_on_reply(self.replied)
                self.tm.t_on_failure(self.failed)
                self.rewritehostport("10.0.1.1:5060")
                self.tm.t_relay()

            @onreply_route
            def replied(self) -> None:
                assert self.reply is not None
                seen.append((self.status, self.method, self.from_uri, self.src_ip, self.src_port, self.reply.reason))
                lengths.append((self.msg_len, len(self.reply.raw)))

            @failure_route
            def failed(self) -> None:
                seen.append((self.status, self.method, self.from_uri, self.src_ip, self.src_port, self.uri))

        seen, lengths = list[Any](), list[tuple[int, int]]()
        self.start(Watching)
        bob = self.phone("bob")
        bob.on_call = IncomingCall.reject
        self.phone("alice", port=5070).invite("bob")
        self.clock.advance(1)
        alice = "sip:alice@10.0.0.1"
        self.assertEqual(
            seen,
            [
                ("486", "INVITE", alice, "10.0.1.1", 5060, "Busy Here"),
                ("486", "INVITE", alice, "10.0.1.2", 5070, "sip:bob@10.0.1.1:5060"),
            ],
        )
        self.assertEqual([one for one, _ in lengths], [two for _, two in lengths])

    def test_a_failure_of_our_own_making(self) -> None:
        class Watching(Bare):
            def route(self) -> None:
                self.tm.t_on_failure(self.failed)
                self.rewritehostport("10.9.9.9:5060")
                self.tm.t_relay()

            @failure_route
            def failed(self) -> None:
                seen.append((self.status, self.reply))

        seen = list[Any]()
        self.start(Watching)
        self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(seen, [("503", None)])


class FlagTests(FaceTestCase):
    """Message flags, 1 to 31, and AVPs."""

    def test_set_reset_and_ask(self) -> None:
        def route(self: Any) -> None:
            before = self.isflagset(1)
            answers = [self.setflag(1), self.setflag("31"), self.setflag(31), self.resetflag(7)]
            during = (self.isflagset("1"), self.isflagset(2), self.isflagset(31))
            answers.append(self.resetflag("1"))
            self.ok((before, answers, during, self.isflagset(1), self.isflagset(31)))

        self.route(route)
        for _ in range(2):  # the second request begins without flags
            self.assertEqual(
                self.said(self.ask()), "(False, [True, True, True, True, True], (True, False, True), False, True)"
            )

    def test_other_numbers_are_refused(self) -> None:
        def route(self: Any) -> None:
            for number in (0, 32, -1, "x", "", "1.0", "٣", None, 100):
                for function in (self.setflag, self.resetflag, self.isflagset):
                    try:
                        function(number)
                    except RouteError as error:
                        said.append(str(error))
            self.ok()

        said = list[str]()
        self.route(route)
        self.ask()
        self.assertEqual(len(said), 27)
        self.assertEqual(said[0], "flag 0: expected a number from 1 to 31")

    def test_flags_and_avps_last_as_long_as_the_transaction(self) -> None:
        class Marking(Bare):
            def route(self) -> None:
                self.setflag(5)
                self.avp["name"] = "route"
                self.tm.t_on_reply(self.replied)
                self.tm.t_on_failure(self.failed)
                self.rewritehostport("10.0.1.1:5060")
                self.tm.t_relay()

            @onreply_route
            def replied(self) -> None:
                seen.append((self.isflagset(5), self.isflagset(6), self.avp["name"]))
                self.setflag(6)
                self.avp["name"] = "reply"

            @failure_route
            def failed(self) -> None:
                seen.append((self.isflagset(5), self.isflagset(6), self.avp["name"]))

        seen = list[Any]()
        self.start(Marking)
        bob = self.phone("bob")
        bob.on_call = IncomingCall.reject
        self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(seen, [(True, False, "route"), (True, True, "reply")])

    def test_the_avps_of_another_call_are_others(self) -> None:
        def route(self: Any) -> None:
            before = dict(self.avp)
            self.avp["name"] = self.method
            self.ok((before, self.avp))

        self.route(route)
        for method in ("MESSAGE", "INFO"):
            self.assertEqual(self.said(self.ask(method)), str(({}, {"name": method})))


class OddRequestTests(FaceTestCase):
    """Values of requests that are hard to read never raise."""

    def test_a_from_that_is_no_address(self) -> None:
        self.route(lambda self: self.ok((self.from_uri, self.to_uri == self.myself)))
        alice = self.phone("alice")
        data = alice.compose("MESSAGE", "sip:bob@10.0.0.1", "<tel:+4989>;tag=1", "<urn:service:sos>", "odd", 1)
        exchange = alice.send(data, alice.server)
        self.clock.advance(0.1)
        self.assertEqual(self.said(exchange), "('tel:+4989', False)")

    def test_text_that_is_no_utf8(self) -> None:
        def route(self: Any) -> None:
            self.ok((len(self.from_uri), self.from_uri == self.myself))

        self.route(route)
        alice = self.phone("alice")
        sender = b"<sip:\xff\xfe@10.0.0.1>;tag=1".decode("utf-8", "surrogateescape")
        exchange = alice.send(
            alice.compose("MESSAGE", "sip:bob@10.0.0.1", sender, "<sip:bob@10.0.0.1>", "odd", 1), alice.server
        )
        self.clock.advance(0.1)
        self.assertEqual(self.said(exchange), "(15, True)")
