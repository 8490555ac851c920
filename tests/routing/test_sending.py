"""Stateless forwarding, sending as received, log and drop."""

from __future__ import annotations

from typing import Any

from sipexpress.errors import RouteError
from sipexpress.testing import IncomingCall
from tests.routing.case import Bare, FaceTestCase


class ForwardTests(FaceTestCase):
    """forward: without a transaction, with our Via."""

    def forwarded(self, forward: Any, **phone: Any) -> Any:
        """The request that a phone gets."""
        self.route(forward)
        bob = self.phone("bob", **phone)
        exchange = self.ask()
        self.assertEqual(exchange.status, 200)
        self.assertEqual((self.server.servers.count, self.server.clients.count), (0, 0))
        return bob.requests[0]

    def test_to_a_host(self) -> None:
        request = self.forwarded(lambda self: self.forward("10.0.1.1"))
        self.assertEqual(str(request.uri), "sip:bob@10.0.0.1")
        self.assertEqual(request.via.host, "10.0.0.1")
        self.assertEqual(len(request.header_values("via")), 2)

    def test_to_a_host_and_port(self) -> None:
        self.forwarded(lambda self: self.forward("10.0.1.1", 5070), port=5070)

    def test_a_port_may_be_a_text(self) -> None:
        self.forwarded(lambda self: self.forward("10.0.1.1", "5070"), port=5070)

    def test_to_a_name(self) -> None:
        self.names.table["bob.example"] = ["10.0.1.1"]
        self.forwarded(lambda self: self.forward("bob.example"))

    def test_to_an_ipv6_address(self) -> None:
        class Both(Bare):
            listen = ("udp:10.0.0.1:5060", "udp:[2001:db8::1]:5060")

            def route(self) -> None:
                self.forward("2001:db8::7", 5070)

        self.start(Both)
        bob = self.phone("bob", "2001:db8::7", 5070)
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(bob.requests[0].via.host, "2001:db8::1")

    def test_where_the_uri_points(self) -> None:
        def route(self: Any) -> None:
            self.rewritehostport("10.0.1.1:5070")
            self.forward()

        request = self.forwarded(route, port=5070)
        self.assertEqual(str(request.uri), "sip:bob@10.0.1.1:5070")

    def test_over_tcp(self) -> None:
        self.forwarded(lambda self: self.forward_tcp("10.0.1.1"), protocol="TCP")

    def test_over_tcp_where_the_uri_points(self) -> None:
        def route(self: Any) -> None:
            self.rewritehostport("10.0.1.1:5070")
            self.forward_tcp()

        self.forwarded(route, protocol="TCP", port=5070)

    def test_over_udp_whatever_the_uri_says(self) -> None:
        def route(self: Any) -> None:
            self.rewriteuri("sip:bob@10.0.1.1;transport=tcp")
            self.forward_udp()

        self.forwarded(route)

    def test_other_targets_are_left_out(self) -> None:
        def route(self: Any) -> None:
            self.append_branch("sip:x@10.0.2.2")
            self.forward("10.0.1.1")

        other = self.phone("other", "10.0.2.2")
        self.forwarded(route)
        self.assertEqual(other.requests, [])

    def test_what_it_gives(self) -> None:
        def route(self: Any) -> None:
            said.append(self.forward("10.0.1.1"))
            self.rewriteuri("tel:+4989123")
            said.append(self.forward())
            said.append(self.forward_tcp())
            self.sl.sl_reply_error()

        said = list[bool]()
        self.route(route)
        self.assertEqual(self.ask().statuses[:1], [479])
        self.assertEqual(said, [True, False, False])

    def test_what_is_no_host_or_port(self) -> None:
        def route(self: Any) -> None:
            for host, port in (("a b", None), ("", None), ("x@y", None), ("h", 0), ("h", "x"), ("h", 65536)):
                for function in (self.forward, self.forward_tcp):
                    try:
                        function(host, port)
                    except RouteError as error:
                        said.append(str(error))
            self.ok()

        said = list[str]()
        self.route(route)
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(len(said), 12)
        self.assertEqual(said[0], "forward('a b'): expected a host name or an address")
        self.assertEqual(said[6], "port 0: expected a number from 1 to 65535")

    def test_edits_are_sent(self) -> None:
        def route(self: Any) -> None:
            self.msg.add("X-Edited", "yes")
            self.forward("10.0.1.1")

        self.assertEqual(self.forwarded(route).header("x-edited"), b"yes")


class SendTests(FaceTestCase):
    """send: the very bytes that were received."""

    def test_as_it_was_received(self) -> None:
        def route(self: Any) -> None:
            self.rewriteuser("somebody")
            self.msg.add("X-Edited", "yes")
            said.append(self.send("10.0.1.1"))

        said = list[bool]()
        self.route(route)
        bob = self.phone("bob")
        exchange = self.ask()
        self.assertEqual(said, [True])
        self.assertEqual(bob.requests[0].raw, exchange.request.raw)

    def test_to_another_port_over_tcp(self) -> None:
        self.route(lambda self: self.send_tcp("10.0.1.1", "5070"))
        bob = self.phone("bob", port=5070, protocol="TCP")
        exchange = self.ask()
        self.assertEqual(bob.requests[0].raw, exchange.request.raw)

    def test_where_no_socket_fits(self) -> None:
        def route(self: Any) -> None:
            self.ok((self.send("2001:db8::7"), self.send("[2001:db8::7]")))

        self.route(route)
        self.assertEqual(self.said(self.ask()), "(False, False)")

    def test_a_name_is_refused_whether_it_is_known_or_not(self) -> None:
        def route(self: Any) -> None:
            for host in ("bob.example", "carol.example", "", "10.0.1"):
                try:
                    self.send(host)
                except RouteError as error:
                    said.append(str(error))
            self.ok()

        said = list[str]()
        self.names.table["bob.example"] = ["10.0.1.1"]
        self.route(route)
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(said[0], "send('bob.example'): expected an IP address")
        self.assertEqual(len(said), 4)


class DropTests(FaceTestCase):
    """drop ends the route, on purpose."""

    def test_a_request(self) -> None:
        def route(self: Any) -> None:
            try:
                self.drop()
            except Exception:
                self.ok("drop was caught")
            self.ok("drop did not end the route")

        lines = self.logged()
        self.route(route)
        self.assertEqual(self.ask().statuses, [])
        self.assertEqual(lines, [])
        self.assertEqual(self.server.counters["unfinished_routes"], 0)

    def test_after_waiting(self) -> None:
        async def route(self: Any) -> None:
            await test.pause(0.05)
            self.drop()

        test = self
        lines = self.logged()
        server = self.route(route)
        self.assertEqual(self.ask().statuses, [])
        self.assertEqual((lines, server.pending.count, len(server.runs)), ([], 0, 0))

    def test_after_relaying_changes_nothing(self) -> None:
        def route(self: Any) -> None:
            self.rewritehostport("10.0.1.1:5060")
            self.tm.t_relay()
            self.drop()

        self.route(route)
        bob = self.phone("bob")
        bob.on_call = IncomingCall.answer
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)


class LogTests(FaceTestCase):
    """log, with SER's levels."""

    def written(self, *arguments: Any) -> list[str]:
        """What is written with the level warn, error or above."""
        lines = self.logged()

        def route(self: Any) -> None:
            said.append(self.log(*arguments))
            self.ok()

        said = list[bool]()
        self.route(route, log_level="debug")
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(said, [True])
        return lines

    def test_levels(self) -> None:
        lines = list[str]()
        for level in (-3, "-1", 1, 2, 3, 4, "L_ERR"):
            lines += self.written(level, f"level {level}")
            self.setUp()
        self.assertEqual(lines, ["level -3", "level -1", "level 1"])

    def test_text_alone_is_debug(self) -> None:
        self.assertEqual(self.written("hello"), [])

    def test_braces_are_written_as_they_are(self) -> None:
        self.assertEqual(self.written(1, "{call_id} {0} %s"), ["{call_id} {0} %s"])

    def test_what_looks_like_a_level_alone_is_text(self) -> None:
        self.assertEqual(self.written("1"), [])
