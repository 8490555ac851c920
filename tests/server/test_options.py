"""OPTIONS for the server itself, answered by the desk (RFC 3261 11)."""

from __future__ import annotations

import sipexpress
from sipexpress import use
from sipexpress.modules import Sl
from tests.server.behavior import HERE, CallCase


class Noting(sipexpress.Router):
    """Answers 404 to whatever its route sees."""

    listen = ("udp:10.0.0.1:5060", "udp:[2001:db8::1]:5060", "tcp:10.0.0.1:5060")
    aliases = ("sip.example.com",)
    sl = use(Sl)

    def route(self) -> None:
        self.sl.sl_send_reply(404, "Seen")


class OptionsTests(CallCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(Noting)

    def status(self, uri: str, *headers: tuple[str, str], protocol: str = "UDP") -> int:
        exchange = self.phone("alice", protocol=protocol).request("OPTIONS", uri, headers)
        self.clock.advance(0.2)
        self.assertEqual(len(exchange.statuses), 1)
        return exchange.status

    def test_what_it_says(self) -> None:
        """PRX-26."""
        exchange = self.phone("alice").request("OPTIONS", "sip:10.0.0.1")
        self.clock.advance(0.2)
        self.assertEqual(exchange.status, 200)
        for name in ("allow", "accept", "accept-encoding", "accept-language"):
            self.assertTrue(exchange.response.has_header(name), name)
        self.assertIsNotNone(exchange.response.to_tag)
        self.assert_empty()

    def test_every_name_of_the_server(self) -> None:
        for uri in (
            "sip:10.0.0.1",
            "sip:10.0.0.1:5060",
            "sip:[2001:db8::1]",
            "sip:sip.example.com",
            "sip:SIP.Example.COM:5080",
        ):
            self.assertEqual(self.status(uri), 200, uri)
        self.assertEqual(self.status("sip:10.0.0.1;transport=tcp", protocol="TCP"), 200)

    def test_everything_else_is_the_routes(self) -> None:
        for uri in ("sip:bob@10.0.0.1", "sip:10.0.0.2", "sip:10.0.0.1:5070", "sip:example.com"):
            self.assertEqual(self.status(uri), 404, uri)

    def test_a_route_that_names_only_the_server(self) -> None:
        """A phone with an outbound proxy: what is left is a request to the server (16.4)."""
        self.assertEqual(self.status("sip:10.0.0.1", ("Route", "<sip:10.0.0.1;lr>")), 200)
        self.assertEqual(self.status("sip:10.0.0.1", ("Route", "<sip:10.0.0.1;lr>, <sip:[2001:db8::1];lr>")), 200)
        self.assertEqual(self.status("sip:10.0.0.1", ("Route", "<sip:10.0.0.1;lr>, <sip:10.9.9.9;lr>")), 404)

    def test_the_last_hop(self) -> None:
        """PRX-04: Max-Forwards 0 does not hinder it."""
        alice = self.phone("alice")
        data = alice._new("OPTIONS", "sip:10.0.0.1", [], b"").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
        exchange = alice.send(data, HERE)
        self.clock.advance(0.2)
        self.assertEqual(exchange.status, 200)
