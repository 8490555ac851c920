"""rr: what loose_route() follows (RFC 3261 16.4, 16.6 step 6, 16.12), with the dialog mark and without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain

SERVER = ("10.0.0.1", 5060)


class Watching(Plain):
    """Tells what loose_route() said about each request inside a dialog; refuses what it does not follow."""

    def __init__(self) -> None:
        self.seen: list[tuple[bool, str, str | None, list[bytes]]] = []

    async def route(self) -> Any:
        if self.method in ("REGISTER", "INVITE") and self.msg.to_tag is None and not self.msg.has_header("route"):
            return await super().route()
        followed = self.rr.loose_route()
        self.seen.append((followed, self.uri, self.dst_uri, self.msg.header_list("route")))
        if not followed:
            return self.sl.sl_send_reply(403, "Forbidden")
        return self.relay()


class LooseRouteTestCase(RouterTestCase):
    params: dict[str, Any] = {}

    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(Watching, aliases=["office.example"], modparams={"rr": self.params})
        self.seen = self.server.router.seen
        self.alice, self.bob = self.registered("alice", "bob")
        self.bob.on_call = IncomingCall.answer
        self.call = self.alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(self.call.status, 200)
        self.seen.clear()
        self.mark = self.call.dialog.routes[0]

    def ask(self, routes: Sequence[str] | None = None, **parts: str) -> tuple[bool, str, str | None, list[bytes]]:
        """What loose_route() makes of a MESSAGE of the dialog, with other parts where they are given."""
        dialog = self.call.dialog
        values = {
            "target": dialog.target,
            "from_": dialog.local,
            "to": dialog.remote,
            "call_id": dialog.call_id,
            **parts,
        }
        data = self.alice.compose(
            "MESSAGE",
            values["target"],
            values["from_"],
            values["to"],
            values["call_id"],
            50,
            routes=dialog.routes if routes is None else routes,
        )
        self.exchange = self.alice.send(data, SERVER)
        self.clock.advance(0.5)
        return self.seen[-1]  # type: ignore[no-any-return]

    def refused(self, routes: Sequence[str] | None = None, **parts: str) -> bool:
        """Whether it was not followed, and nobody got anything."""
        before = len(self.wire.packets)
        followed = self.ask(routes, **parts)[0]
        sent = [packet.start_line for packet in self.wire.packets[before:] if packet.source == SERVER]
        return not followed and sent == ["SIP/2.0 403 Forbidden"]


class MarkTests(LooseRouteTestCase):
    """Only inside a dialog that record_route() has signed."""

    def test_RTE_03_the_caller(self) -> None:
        followed, uri, dst_uri, routes = self.ask()
        self.assertEqual((followed, uri, dst_uri, routes), (True, "sip:bob@10.0.1.2:5060", None, []))
        self.assertEqual(self.exchange.status, 200)
        self.assertEqual(self.bob.requests[-1].method, "MESSAGE")

    def test_the_callee_has_the_tags_the_other_way_round(self) -> None:
        exchange = self.bob.calls[0].dialog.request("MESSAGE")
        self.clock.advance(0.5)
        self.assertEqual(exchange.status, 200)
        self.assertEqual(self.alice.requests[-1].method, "MESSAGE")

    def test_no_mark(self) -> None:
        for routes in (
            ["<sip:10.0.0.1;lr>"],
            ["<sip:10.0.0.1:5060;lr>"],
            ["<sip:10.0.0.1;dm;lr>"],
            ["<sip:10.0.0.1;dm=;lr>"],
            ["<sip:10.0.0.1;lr>", "<sip:10.0.0.1;lr>"],
            ["<sip:10.0.0.1;lr>;dm=0123456789abcdef"],
            ["sip:10.0.0.1;lr"],
        ):
            self.assertTrue(self.refused(routes), routes)

    def test_RTE_12_a_forged_mark(self) -> None:
        before, _, rest = self.mark.partition("dm=")
        good = rest[:16]
        for mark in ("0" * 16, good[:-1], good[:8], good + "0", good[:-1] + ("0" if good[-1] != "0" else "1"), "%00"):
            self.assertTrue(self.refused([f"{before}dm={mark}{rest[16:]}"]), mark)
        self.assertTrue(self.refused([f"{before}dm={'0' * 16};dm={good}{rest[16:]}"]))

    def test_the_mark_of_another_call(self) -> None:
        self.assertTrue(self.refused(call_id="another"))

    def test_the_mark_of_another_caller(self) -> None:
        self.assertTrue(self.refused(from_="<sip:alice@x>;tag=1", to="<sip:bob@x>;tag=2"))

    def test_outside_a_dialog(self) -> None:
        self.assertTrue(self.refused(to="<sip:bob@10.0.0.1>"))

    def test_a_to_tag_alone_opens_nothing(self) -> None:
        self.assertTrue(self.refused([]))

    def test_the_mark_of_another_server(self) -> None:
        self.successResultOf(self.server.stopService())
        self.server = self.serve(Watching, secret=b"another secret".ljust(32))
        self.seen = self.server.router.seen
        self.assertTrue(self.refused())

    def test_the_mark_outlives_the_server(self) -> None:
        self.successResultOf(self.server.stopService())
        self.server = self.serve(Watching)
        self.seen = self.server.router.seen
        self.assertTrue(self.ask()[0])
        self.assertEqual(self.exchange.status, 200)

    def test_the_mark_in_a_route_that_is_not_ours(self) -> None:
        self.assertTrue(self.refused([self.mark.replace("10.0.0.1", "10.9.9.9")]))
        self.assertTrue(self.refused(["<sip:10.9.9.9;lr>", self.mark]))

    def test_RTE_08_the_host_and_port_have_to_be_ours(self) -> None:
        rest = self.mark.partition(";")[2]
        for host, ours in (
            ("10.0.0.1", True),
            ("10.0.0.1:5060", True),
            ("office.example", True),
            ("OFFICE.example.:5060", True),
            ("10.0.0.1:5080", False),
            ("10.0.0.11", False),
            ("other.example", False),
            ("x@10.0.0.1", True),
        ):
            self.assertEqual(self.ask([f"<sip:{host};{rest}"])[0], ours, host)

    def test_the_mark_in_capitals(self) -> None:
        """URI parameters have no case (19.1.4)."""
        before, _, rest = self.mark.partition("dm=")
        self.assertTrue(self.ask([f"{before}DM={rest[:16].upper()}{rest[16:]}"])[0])

    def test_RTE_04_the_next_proxy(self) -> None:
        proxy = self.phone("proxy", "10.0.7.7")
        followed, uri, dst_uri, routes = self.ask([self.mark, "<sip:10.0.7.7;lr>", "<sip:10.0.8.8;lr>"])
        self.assertEqual((followed, uri, dst_uri), (True, "sip:bob@10.0.1.2:5060", "sip:10.0.7.7;lr"))
        self.assertEqual(routes, [b"<sip:10.0.7.7;lr>", b"<sip:10.0.8.8;lr>"])
        self.assertEqual(proxy.requests[0].raw_uri, b"sip:bob@10.0.1.2:5060")
        self.assertEqual(proxy.requests[0].header_list("route"), routes)

    def test_routes_in_one_line(self) -> None:
        self.phone("proxy", "10.0.7.7")
        followed, _, _, routes = self.ask([f"{self.mark}, <sip:10.0.7.7;lr>"])
        self.assertEqual((followed, routes), (True, [b"<sip:10.0.7.7;lr>"]))

    def test_RTE_11_every_method_follows(self) -> None:
        for method in ("INVITE", "UPDATE", "INFO", "PRACK", "NOTIFY", "REFER", "BYE"):
            exchange = self.call.dialog.request(method)
            self.clock.advance(0.5)
            self.assertEqual((method, exchange.status, self.seen[-1][0]), (method, 200, True))

    def test_malformed_routes(self) -> None:
        for route in ("<sip:10.0.0.1;lr", "x", "<>", '"a <sip:10.0.0.1>', "<sip:10.0.0.1:99999;lr>", "<sip:>"):
            self.assertTrue(self.refused([route]), route)

    def test_another_kind_of_uri(self) -> None:
        self.assertTrue(self.refused(["<tel:+1234>"]))
        self.assertTrue(self.ask([self.mark, "<tel:+1234;lr>"])[0])
        self.assertEqual(self.exchange.status, 479)

    def test_no_route(self) -> None:
        self.assertFalse(self.ask([])[0])


class StrictTests(LooseRouteTestCase):
    """Strict routers (RFC 2543) before and behind us."""

    def test_RTE_06_our_entry_comes_as_the_request_uri(self) -> None:
        mine = self.mark.strip("<>")
        followed, uri, dst_uri, routes = self.ask(["<sip:bob@10.0.1.2:5060>"], target=mine)
        self.assertEqual((followed, uri, dst_uri, routes), (True, "sip:bob@10.0.1.2:5060", None, []))
        self.assertEqual(self.exchange.status, 200)

    def test_with_a_loose_router_behind_us(self) -> None:
        proxy = self.phone("proxy", "10.0.7.7")
        mine = self.mark.strip("<>")
        followed, uri, dst_uri, routes = self.ask(["<sip:10.0.7.7;lr>", "<sip:bob@10.0.1.2>"], target=mine)
        self.assertEqual((followed, uri, dst_uri), (True, "sip:bob@10.0.1.2", "sip:10.0.7.7;lr"))
        self.assertEqual(routes, [b"<sip:10.0.7.7;lr>"])
        self.assertEqual(proxy.requests[0].method, "MESSAGE")

    def test_with_strict_routers_on_both_sides(self) -> None:
        strict = self.phone("strict", "10.0.7.7")
        mine = self.mark.strip("<>")
        followed, uri, dst_uri, routes = self.ask(["<sip:10.0.7.7>", "<sip:bob@10.0.1.2>"], target=mine)
        self.assertEqual((followed, uri, dst_uri), (True, "sip:10.0.7.7", None))
        self.assertEqual(routes, [b"<sip:bob@10.0.1.2>"])
        self.assertEqual(strict.requests[0].raw_uri, b"sip:10.0.7.7")

    def test_RTE_07_a_strict_router_behind_us(self) -> None:
        strict = self.phone("strict", "10.0.7.7")
        followed, uri, dst_uri, routes = self.ask([self.mark, "<sip:10.0.7.7>", "<sip:10.0.8.8;lr>"])
        self.assertEqual((followed, uri, dst_uri), (True, "sip:10.0.7.7", None))
        self.assertEqual(routes, [b"<sip:10.0.8.8;lr>", b"<sip:bob@10.0.1.2:5060>"])
        self.assertEqual(len(strict.requests), 1)

    def test_without_a_mark(self) -> None:
        for target in ("sip:10.0.0.1", "sip:10.0.0.1;lr", "sip:10.0.0.1;dm=0123456789abcdef"):
            for routes in (["<sip:bob@10.0.1.2>"], ["<sip:10.0.7.7;lr>", "<sip:bob@10.0.1.2>"]):
                self.assertTrue(self.refused(routes, target=target), (target, routes))

    def test_with_nothing_left(self) -> None:
        self.assertTrue(self.refused([self.mark], target="sip:bob@10.0.0.1"))


class PlainTests(LooseRouteTestCase):
    """dialog_mark=False: what RFC 3261 says, and SER does. Whoever sends a Route is relayed."""

    params = {"dialog_mark": False}

    def test_inside_a_dialog(self) -> None:
        for routes in (["<sip:10.0.0.1;lr>"], ["<sip:10.0.0.1>"]):
            self.assertEqual(self.ask(routes), (True, "sip:bob@10.0.1.2:5060", None, []))
            self.assertEqual(self.exchange.status, 200)

    def test_our_own_route_before_a_dialog_is_only_removed(self) -> None:
        followed, uri, dst_uri, routes = self.ask(["<sip:10.0.0.1;lr>"], to="<sip:bob@10.0.0.1>")
        self.assertEqual((followed, uri, dst_uri, routes), (False, "sip:bob@10.0.1.2:5060", None, []))

    def test_a_pre_loaded_route_is_followed(self) -> None:
        proxy = self.phone("proxy", "10.0.7.7")
        for routes in (["<sip:10.0.0.1;lr>", "<sip:10.0.7.7;lr>"], ["<sip:10.0.7.7;lr>"]):
            followed, _, dst_uri, left = self.ask(routes, to="<sip:bob@10.0.0.1>")
            self.assertEqual((followed, dst_uri, left), (True, "sip:10.0.7.7;lr", [b"<sip:10.0.7.7;lr>"]))
        self.assertEqual(len(proxy.requests), 2)

    def test_two_entries_of_ours_go_together_where_they_say_so(self) -> None:
        both = ["<sip:10.0.0.1;r2=on;lr>", "<sip:10.0.0.1;transport=tcp;r2=on;lr>", "<sip:10.0.7.7;lr>"]
        self.assertEqual(self.ask(both)[3], [b"<sip:10.0.7.7;lr>"])

    def test_strict_before_us(self) -> None:
        followed, uri, dst_uri, routes = self.ask(["<sip:bob@10.0.1.2>"], target="sip:10.0.0.1")
        self.assertEqual((followed, uri, dst_uri, routes), (True, "sip:bob@10.0.1.2", None, []))

    def test_strict_before_us_with_nothing_left(self) -> None:
        self.assertFalse(self.ask(["<sip:10.0.0.1;lr>"], target="sip:bob@10.0.0.1")[0])

    def test_strict_behind_us(self) -> None:
        self.assertEqual(
            self.ask(["<sip:10.0.0.1;lr>", "<sip:10.0.7.7>"]),
            (True, "sip:10.0.7.7", None, [b"<sip:bob@10.0.1.2:5060>"]),
        )


class LinesTests(RouterTestCase):
    """The other Route headers of a message stay as they are."""

    def test_several_lines(self) -> None:
        self.serve(Watching, modparams={"rr": {"dialog_mark": 0}})
        alice, next_hop = self.phone("alice"), self.phone("proxy", "10.0.7.7")
        data = alice.compose("MESSAGE", "sip:b@x.example", "<sip:a@x>;tag=1", "<sip:b@x>", "c", 1)
        lines = b'Route: <sip:10.0.0.1;lr>,\r\n "The, proxy" <sip:10.0.7.7;lr>;x=y\r\n'
        lines += b"X-Between: 1\r\nRoute: <sip:10.0.8.8;lr>\r\n"
        alice.send(data.replace(b"Max-Forwards: 70\r\n", b"Max-Forwards: 70\r\n" + lines), SERVER)
        self.clock.advance(0.5)
        self.assertEqual(
            next_hop.requests[0].header_list("route"), [b'"The, proxy" <sip:10.0.7.7;lr>;x=y', b"<sip:10.0.8.8;lr>"]
        )
        self.assertEqual(next_hop.requests[0].header("x-between"), b"1")
