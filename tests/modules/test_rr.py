"""rr: what record_route() writes (RFC 3261 16.6 step 4, RFC 5658)."""

from __future__ import annotations

from typing import Any

from sipexpress import branch_route, failure_route, onreply_route, use
from sipexpress.errors import HeaderError, RouteError
from sipexpress.modules import Rr
from sipexpress.sip.nameaddr import NameAddr
from sipexpress.sip.uri import Uri
from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain


class Preset(Plain):
    """Records with an address of its own choice."""

    text = "proxy.example:5070;nat=yes"

    async def route(self) -> Any:
        if self.method == "INVITE":
            self.results = (self.rr.record_route_preset(self.text), self.rr.record_route())
            self.router.seen.append(self.results)
        return await super().route()

    def __init__(self) -> None:
        self.seen: list[Any] = []


class RecordTestCase(RouterTestCase):
    def recorded(self, router: Any = Plain, headers: Any = (), to: str = "bob", **settings: Any) -> list[str]:
        """The Record-Route values that Bob gets."""
        self.server = self.serve(router, **settings)
        alice, self.bob = self.registered("alice", "bob")
        self.bob.on_call = IncomingCall.answer
        self.call = alice.invite(to, headers)
        self.clock.advance(1)
        self.assertEqual(self.call.status, 200)
        return [value.decode() for value in self.bob.calls[0].request.header_list("record-route")]

    def params(self, value: str) -> dict[str, str | None]:
        uri = NameAddr.parse(value.encode()).uri
        assert isinstance(uri, Uri)
        return dict(uri.params)


class RecordTests(RecordTestCase):
    def test_RTE_01_one_entry_with_our_address(self) -> None:
        (value,) = self.recorded()
        self.assertRegex(value, r"\A<sip:10\.0\.0\.1(:5060)?;ftag=[^;]+;dm=[0-9a-f]{16};lr>\Z")

    def test_in_front_of_what_is_there(self) -> None:
        values = self.recorded(headers=[("Record-Route", "<sip:192.0.2.1;lr>, <sip:192.0.2.2;lr>")])
        self.assertEqual(values[1:], ["<sip:192.0.2.1;lr>", "<sip:192.0.2.2;lr>"])

    def test_RTE_10_is_passed_back_unchanged(self) -> None:
        values = self.recorded()
        self.assertEqual([item.decode() for item in self.call.response.header_list("record-route")], values)

    def test_ftag(self) -> None:
        (value,) = self.recorded()
        tag = self.call.request.from_tag
        assert tag is not None
        self.assertEqual(self.params(value)["ftag"], tag.decode())

    def test_without_ftag(self) -> None:
        (value,) = self.recorded(modparams={"rr": {"append_fromtag": 0}})
        self.assertEqual(list(self.params(value)), ["dm", "lr"])

    def test_lr_on(self) -> None:
        (value,) = self.recorded(modparams={"rr": {"enable_full_lr": "1"}})
        self.assertEqual(self.params(value)["lr"], "on")

    def test_add_username(self) -> None:
        class Early(Plain):
            async def route(self) -> Any:
                self.rr.record_route()
                return await super().route()

        (value,) = self.recorded(Early, modparams={"rr": {"add_username": 1}})
        self.assertTrue(value.startswith("<sip:bob@10.0.0.1"), value)
        bye = self.call.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)

    def test_without_mark(self) -> None:
        (value,) = self.recorded(modparams={"rr": {"dialog_mark": "no"}})
        self.assertEqual(list(self.params(value)), ["ftag", "lr"])

    def test_only_once(self) -> None:
        results = []

        class Twice(Plain):
            async def route(self) -> Any:
                if self.method == "INVITE":
                    results.append(self.rr.record_route())
                    results.append(self.rr.record_route())
                    results.append(self.rr.record_route_preset("10.0.0.1"))
                return await super().route()

        self.assertEqual(len(self.recorded(Twice)), 1)
        self.assertEqual(results, [True, False, False])

    def test_a_tag_that_fits_in_no_uri(self) -> None:
        """Whatever the caller took for a tag: the entry can be read, and the dialog works."""
        for tag in ("a?b", "50%", "a@b", "a=b&c", "`"):
            with self.subTest(tag=tag):
                self.setUp()
                self.serve(Plain)
                alice, bob = self.registered("alice", "bob")
                bob.on_call = IncomingCall.answer
                data = alice._new("INVITE", "sip:bob@10.0.0.1", [], b"")
                before, _, rest = data.partition(b";tag=")
                alice.send_raw(before + b";tag=" + tag.encode() + b"\r\n" + rest.partition(b"\r\n")[2], alice.server)
                self.clock.advance(0.5)
                request = bob.calls[0].request
                (value,) = request.header_list("record-route")
                params = self.params(value.decode())
                self.assertEqual((params["lr"], len(params["dm"] or "")), (None, 16))
                bye = bob.calls[0].dialog.bye()
                self.clock.advance(1)
                self.assertEqual(bye.status, 200)

    def test_every_branch_has_it(self) -> None:
        self.serve(Plain)
        phones = self.registered("bob", "bob", "bob")
        self.phone("alice").invite("bob")
        self.clock.advance(0.1)
        values = {bytes(phone.calls[0].request.header("record-route") or b"") for phone in phones}
        self.assertEqual(len(values), 1)
        self.assertNotEqual(values, {b""})

    def test_in_a_branch_route(self) -> None:
        class InBranch(Plain):
            async def route(self) -> Any:
                self.tm.t_on_branch(self.mark)
                return await super().route()

            @branch_route
            def mark(self) -> None:
                results.append(self.rr.record_route())

        results: list[bool] = []
        self.assertEqual(len(self.recorded(InBranch)), 1)
        self.assertEqual(results, [False], "route() has recorded already")

    def test_only_in_a_branch_route(self) -> None:
        class InBranch(Plain):
            async def route(self) -> Any:
                if self.method == "REGISTER":
                    return await self.registrar.save("location")
                self.tm.t_on_branch(self.mark)
                await self.registrar.lookup("location")
                return self.tm.t_relay()

            @branch_route
            def mark(self) -> None:
                self.rr.record_route()

        self.assertEqual(len(self.recorded(InBranch)), 1)

    def test_a_second_attempt_keeps_it(self) -> None:
        class Again(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure(self.again)
                return await super().route()

            @failure_route
            def again(self) -> None:
                results.append(self.rr.record_route())
                self.append_branch("sip:mail@10.0.1.9")
                self.tm.t_relay()

        results: list[bool] = []
        self.serve(Again)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.reject
        mail = self.phone("mail", "10.0.1.9")
        alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(len(mail.calls[0].request.header_list("record-route")), 1)
        self.assertEqual(results, [False])

    def test_not_in_a_reply_route(self) -> None:
        class Late(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply(self.late)
                return await super().route()

            @onreply_route
            def late(self) -> None:
                self.rr.record_route()

        self.recorded(Late)
        self.assertIn("record_route() may not be called", str(self.flushLoggedErrors(RouteError)[0].value))


class DoubleTests(RecordTestCase):
    """Two entries where the request leaves by another socket."""

    class Border(Plain):
        listen = ("udp:10.0.0.1:5060", "tcp:10.0.0.1:5060", "udp:192.168.0.1:5070")

        async def route(self) -> Any:
            self.force_send_socket("192.168.0.1" if self.src_ip == "10.0.0.0/8" else "udp:10.0.0.1")
            return await super().route()

    def through(self, **params: Any) -> Any:
        self.serve(self.Border, modparams={"rr": params})
        (alice,) = self.registered("alice")
        (bob,) = self.registered("bob", host="192.168.0.7", server=("192.168.0.1", 5070))
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
        return call, bob

    def test_the_side_of_the_callee_comes_first(self) -> None:
        _, bob = self.through()
        first, second = [value.decode() for value in bob.calls[0].request.header_list("record-route")]
        self.assertRegex(first, r"\A<sip:192\.168\.0\.1:5070;r2=on;")
        self.assertRegex(second, r"\A<sip:10\.0\.0\.1(:5060)?;r2=on;")

    def test_RTE_05_both_are_removed_at_once(self) -> None:
        call, bob = self.through()
        for dialog, phone in ((call.dialog, bob), (bob.calls[0].dialog, call.phone)):
            exchange = dialog.request("INFO")
            self.clock.advance(1)
            self.assertEqual(exchange.status, 200)
            self.assertIsNone(phone.requests[-1].header("route"))

    def test_a_forged_half_is_refused(self) -> None:
        class Guard(self.Border):  # type: ignore[name-defined, misc]
            async def route(self) -> Any:
                if self.method != "MESSAGE":
                    return await super().route()
                followed.append(self.rr.loose_route())
                return self.sl.sl_send_reply(202, "Seen")

        followed: list[bool] = []
        self.Border = Guard  # type: ignore[misc]
        call, _ = self.through()
        first, second = call.dialog.routes
        forged = [route.replace(self.params(first)["dm"] or "", "0" * 16) for route in (first, second)]
        for routes in ([first, second], forged, [forged[0], second]):
            call.dialog.routes = routes
            call.dialog.request("MESSAGE")
            self.clock.advance(1)
        self.assertEqual(followed, [True, False, False])

    def test_switched_off(self) -> None:
        _, bob = self.through(enable_double_rr=0)
        self.assertEqual(len(bob.calls[0].request.header_list("record-route")), 1)

    def test_from_tcp_to_udp(self) -> None:
        self.serve(Plain)
        (alice,) = self.registered("alice", protocol="TCP")
        (bob,) = self.registered("bob")
        bob.on_call = IncomingCall.answer
        alice.invite("bob")
        self.clock.advance(1)
        first, second = [value.decode() for value in bob.calls[0].request.header_list("record-route")]
        self.assertNotIn("transport", first)
        self.assertIn(";transport=tcp;", second)
        bye = bob.calls[0].dialog.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)
        self.assertEqual(alice.requests[-1].method, "BYE")


class PresetTests(RecordTestCase):
    def test_the_text_as_it_is(self) -> None:
        (value,) = self.recorded(Preset, aliases=["proxy.example:5070"], to="sip:bob@10.0.0.1")
        self.assertRegex(value, r"\A<sip:bob@proxy\.example:5070;nat=yes;ftag=[^;]+;dm=[0-9a-f]{16};lr>\Z")
        self.assertEqual(self.server.router.seen, [(True, False)])

    def test_the_parameters_come_back(self) -> None:
        class Remembering(Preset):
            async def route(self) -> Any:
                self.router.seen.append((self.method, b"nat=yes" in (self.msg.header("route") or b"")))
                return await super().route()

        self.recorded(Remembering, aliases=["proxy.example:5070"])
        self.patch(self.call.phone, "next_hop", lambda route: ("10.0.0.1", 5060))
        bye = self.call.bye()
        self.clock.advance(1)
        self.assertEqual(bye.status, 200)
        self.assertEqual(self.server.router.seen[-1], ("BYE", True))

    def test_what_cannot_stand_there(self) -> None:
        for text in ("a b", "a>", "<a", 'a"', "a,b", "a\r\nX-Evil: 1", ""):
            with self.subTest(text=text):
                self.setUp()

                class Bad(Preset):
                    pass

                Bad.text = text
                self.serve(Bad)
                alice, bob = self.registered("alice", "bob")
                call = alice.invite("bob")
                self.clock.advance(1)
                self.assertEqual(call.status, 500)
                self.assertEqual(bob.calls, [])
                self.assertEqual(len(self.flushLoggedErrors(HeaderError)), 1)


class ParameterTests(RouterTestCase):
    def test_wrong_values(self) -> None:
        for name in ("enable_full_lr", "append_fromtag", "enable_double_rr", "add_username", "dialog_mark"):
            with self.assertRaises(Exception) as caught:
                use(Rr, **{name: "maybe"})
            self.assertIn("'maybe': expected yes or no", str(caught.exception))
