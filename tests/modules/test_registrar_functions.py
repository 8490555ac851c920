"""registrar: what routes see of save, lookup and registered."""

from __future__ import annotations

from typing import Any

from sipexpress.errors import RouteError
from sipexpress.testing import Phone
from tests.modules.scripted import ScriptedTestCase


class FunctionTests(ScriptedTestCase):
    """What routes see of it."""

    def bound(self, script: Any, **params: Any) -> Phone:
        """Bob has registered; other requests run `script`."""
        self.results: list[Any] = []

        async def both(route: Any) -> Any:
            return await (route.registrar.save("location") if route.method == "REGISTER" else script(route))

        self.play(both, modparams={"registrar": params})
        bob = self.phone("bob", "10.0.1.50")
        self.register(bob)
        return bob

    def register(self, bob: Phone) -> Any:
        exchange = bob.register()
        self.clock.advance(0.1)
        return exchange

    def ask_for(self, user: str, method: str = "MESSAGE") -> Any:
        exchange = self.phone("caller").request(method, user)
        self.clock.advance(0.1)
        return exchange

    def test_lookup_changes_the_uri_only_when_it_finds_somebody(self) -> None:
        async def script(route: Any) -> None:
            before = route.uri
            self.results.append((await route.registrar.lookup("location"), route.uri == before))
            route.sl.sl_send_reply(200)

        self.bound(script)
        for user in ("bob", "nobody", "sip:10.0.0.1", "tel:+123"):
            self.ask_for(user)
        self.assertEqual(self.results, [(True, False), (False, True), (False, True), (False, True)])

    def test_registered_changes_nothing(self) -> None:
        async def script(route: Any) -> None:
            before = route.uri
            self.results.append((await route.registrar.registered("location"), route.uri == before))
            route.sl.sl_send_reply(200)

        self.bound(script)
        for user in ("bob", "nobody"):
            self.ask_for(user)
        self.assertEqual(self.results, [(True, True), (False, True)])
        self.clock.advance(3600)
        self.ask_for("bob")
        self.assertEqual(self.results[-1], (False, True))

    def test_another_table(self) -> None:
        async def script(route: Any) -> None:
            self.results.append(await route.registrar.lookup("elsewhere"))
            route.sl.sl_send_reply(404)

        self.bound(script)
        self.ask_for("bob")
        self.assertEqual(self.results, [False])

    def test_save_says_whether_it_was_accepted(self) -> None:
        async def script(route: Any) -> None:
            self.results.append(await route.registrar.save("location"))
            self.results.append(route.sl.sl_reply_error())

        self.results = []
        alice = self.play(script)
        for expires in (3600, 30):
            alice.register(expires)
            self.clock.advance(0.1)
        self.assertEqual(self.results, [True, False, False, False])
        self.assertEqual(self.sent(), ["SIP/2.0 200 OK", "SIP/2.0 423 Interval Too Brief"])

    def test_save_noreply(self) -> None:
        async def script(route: Any) -> None:
            self.results.append(await route.registrar.save_noreply("location"))
            route.sl.sl_send_reply(202, "Maybe")

        self.results = []
        alice = self.play(script)
        for expires in (3600, 30):
            alice.register(expires)
            self.clock.advance(0.1)
        self.assertEqual((self.results, self.sent()), ([True, False], ["SIP/2.0 202 Maybe"] * 2))
        self.assertEqual(self.server.boot.find("usrloc").records, 1)

    def test_save_memory(self) -> None:
        async def script(route: Any) -> None:
            self.results.append(await route.registrar.save_memory("location"))

        self.results = []
        self.play(script).register()
        self.clock.advance(0.1)
        self.assertEqual((self.results, self.sent()), ([True], ["SIP/2.0 200 OK"]))

    def test_the_nat_flag_comes_back(self) -> None:
        async def script(route: Any) -> None:
            self.results.append((route.isflagset(6), await route.registrar.lookup("location"), route.isflagset(6)))
            route.sl.sl_send_reply(200)

        async def both(route: Any) -> Any:
            if route.method == "REGISTER":
                if route.msg.has_header("x-nat"):
                    route.setflag(6)
                return await route.registrar.save("location")
            return await script(route)

        self.results = []
        self.play(both, modparams={"registrar": {"nat_flag": "6"}})
        bob = self.phone("bob", "10.0.1.50")
        for headers in ([("X-Nat", "yes")], []):
            bob.register(headers=headers)
            self.clock.advance(0.1)
            self.ask_for("bob")
        self.assertEqual(self.results, [(False, True, True), (False, True, False)])

    def test_where_the_register_really_came_from(self) -> None:
        async def script(route: Any) -> Any:
            if route.method == "REGISTER":
                route.avp[42] = f"sip:{route.src_ip}:{route.src_port}"
                return await route.registrar.save("location")
            await route.registrar.lookup("location")
            self.results.append((route.uri, route.dst_uri))
            return route.tm.t_relay()

        self.results = []
        self.play(script)
        bob = self.phone("bob", "10.0.1.50", 7000)
        exchange = bob.register(contact="<sip:bob@192.0.2.55>")
        self.clock.advance(0.1)
        self.assertEqual(
            [str(contact) for contact in exchange.response.contacts],
            ['<sip:bob@192.0.2.55>;expires=3600;received="sip:10.0.1.50:7000"'],
        )
        self.assertEqual(self.ask_for("bob").status, 200)
        self.assertEqual(self.results, [("sip:bob@192.0.2.55", "sip:10.0.1.50:7000")])
        self.assertEqual(len(bob.requests), 1)

    def test_what_a_phone_says_about_that_is_not_believed(self) -> None:
        async def script(route: Any) -> None:
            await route.registrar.lookup("location")
            self.results.append((route.uri, route.dst_uri))
            route.sl.sl_send_reply(200)

        bob = self.bound(script)
        bob.register(contact='<sip:bob@10.0.1.50>;received="sip:10.9.9.9"')
        self.clock.advance(0.1)
        self.ask_for("bob")
        self.assertNotIn("10.9.9.9", str(self.results))

    def test_a_forgotten_await(self) -> None:
        """It is reported; what save() has acknowledged stands."""

        def script(route: Any) -> None:
            if not route.registrar.save("location"):
                route.sl.sl_reply_error()

        alice = self.play(script)
        self.assertEqual(self.register(alice).statuses, [200])
        (failure,) = self.flushLoggedErrors(RouteError)
        self.assertIn("write `await`", str(failure.value))
        self.assertEqual(self.server.boot.find("usrloc").records, 1)

    def test_over_a_connection_it_comes_back_on_it(self) -> None:
        async def script(route: Any) -> Any:
            if route.method == "REGISTER":
                return await route.registrar.save("location")
            await route.registrar.lookup("location")
            return route.tm.t_relay()

        self.play(script)
        bob = self.phone("bob", "10.0.1.50", 7000, protocol="TCP")
        bob.register(contact="<sip:bob@10.0.1.50:9999;transport=tcp>")
        self.clock.advance(0.1)
        self.assertEqual(self.ask_for("bob").status, 200)
        self.assertEqual(len(bob.requests), 1)
