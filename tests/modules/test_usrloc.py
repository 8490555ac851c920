"""usrloc: the location store in memory."""

from __future__ import annotations

from typing import Any

from sipexpress import use
from sipexpress.errors import ConfigError, SipExpressError
from sipexpress.modules import Registrar, Usrloc
from sipexpress.server.location import Binding
from sipexpress.testing import Phone, RouterTestCase
from tests.routers import Plain


class Aliases(Plain):
    """Aliases first, then phones."""

    async def route(self) -> Any:
        if self.method == "INVITE":
            await self.registrar.lookup("aliases")
        return await super().route()


class UsrlocTestCase(RouterTestCase):
    def play(self, router: Any = Plain, **params: Any) -> None:
        self.server = self.serve(router, modparams={"usrloc": params})
        self.usrloc: Usrloc = self.server.boot.find("usrloc")

    def register(self, phone: Phone, contact: str | None = None, expires: int = 3600) -> Any:
        exchange = phone.register(expires, contact=contact)
        self.clock.advance(0.1)
        return exchange

    def status(self, user: str) -> int:
        """What a call to `user` ends with, or 180."""
        call = self.phone("caller").invite(user)
        self.clock.advance(0.1)
        return call.status


class ExpiryTests(UsrlocTestCase):
    def test_an_expired_contact_is_never_used(self) -> None:
        """Long before it is removed."""
        self.play(timer_interval=1000)
        self.register(self.phone("bob"), expires=100)
        self.clock.advance(99.5)
        self.assertEqual(self.status("bob"), 180)
        self.clock.advance(0.5)
        self.assertEqual((self.status("bob"), self.usrloc.records), (404, 1))

    def test_is_removed_by_the_timer(self) -> None:
        self.play(timer_interval=7)
        self.register(self.phone("bob"), expires=60)
        self.register(self.phone("carol"), expires=600)
        self.clock.advance(71)
        self.assertEqual((self.usrloc.records, list(self.usrloc.tables["location"])), (1, ["carol"]))

    def test_only_the_expired_contact_goes(self) -> None:
        self.play(timer_interval=7)
        bob = self.phone("bob")
        self.register(bob, "<sip:bob@10.0.1.1:1>;expires=60, <sip:bob@10.0.1.1:2>;expires=600")
        self.clock.advance(71)
        self.assertEqual([binding.contact for binding in self.usrloc.tables["location"]["bob"]], ["sip:bob@10.0.1.1:2"])

    def test_is_not_listed_any_more(self) -> None:
        self.play(timer_interval=1000)
        bob = self.phone("bob")
        self.register(bob, "<sip:bob@10.0.1.1:1>", 60)
        self.clock.advance(61)
        exchange = self.register(bob, "<sip:bob@10.0.1.1:2>")
        self.assertEqual([str(contact.uri) for contact in exchange.response.contacts], ["sip:bob@10.0.1.1:2"])

    def test_many_are_removed_in_parts(self) -> None:
        self.play(timer_interval=7)
        now = self.server.wall()
        for number in range(12_000):
            self.usrloc.store("location", f"user{number}", [Binding("sip:x@10.0.1.1", now + 1 + number % 2 * 100)])
        self.clock.advance(15)
        self.assertEqual(self.usrloc.records, 6_000)
        self.clock.advance(100)
        self.assertEqual(self.usrloc.records, 0)

    def test_the_timer_ends_with_the_server(self) -> None:
        self.play(timer_interval=7)
        self.successResultOf(self.server.stopService())
        self.assertEqual([call for call in self.clock.calls if "_expire" in repr(call.func)], [])

    def test_no_interval(self) -> None:
        with self.assertRaises(ConfigError) as caught:
            self.play(timer_interval=0)
        self.assertIn("timer_interval", str(caught.exception))


class OrderTests(UsrlocTestCase):
    def order(self, **params: Any) -> list[str]:
        """The contacts of three REGISTERs with different preferences, as a fetch lists them."""
        self.play(**params)
        bob = self.phone("bob")
        for port, q in ((1, ";q=0.5"), (2, ""), (3, ";q=0.1"), (4, ";q=0.5"), (5, ";q=1.0")):
            self.register(bob, f"<sip:bob@10.0.1.1:{port}>{q}")
            self.clock.advance(1)
        return [str(binding.contact)[-1] for binding in self.usrloc.fetch("location", "bob")]

    def test_by_preference_then_by_time(self) -> None:
        self.assertEqual(self.order(), ["2", "5", "1", "4", "3"])

    def test_newest_first(self) -> None:
        self.assertEqual(self.order(desc_time_order=1), ["5", "4", "3", "2", "1"])

    def test_a_refresh_makes_it_new(self) -> None:
        self.order(desc_time_order=1)
        self.register(self.phone("bob", "10.0.1.1", 7000), "<sip:bob@10.0.1.1:2>")
        self.assertEqual([b.contact[-1] for b in self.usrloc.fetch("location", "bob")], ["2", "5", "4", "3", "1"])


class LimitTests(UsrlocTestCase):
    def test_no_more_than_max_records(self) -> None:
        self.play(max_records=2)
        alice, bob, carol = self.phone("alice"), self.phone("bob"), self.phone("carol")
        self.assertEqual([self.register(phone).status for phone in (alice, bob, carol)], [200, 200, 500])
        self.assertEqual(len(self.flushLoggedErrors(SipExpressError)), 1)
        self.assertEqual(self.register(bob).status, 200, "who is there may stay")
        self.assertEqual(self.register(bob, expires=0).status, 200)
        self.assertEqual(self.register(carol).status, 200, "there is room again")
        self.assertEqual(self.usrloc.records, 2)

    def test_removing_who_is_not_there(self) -> None:
        self.play()
        self.assertEqual(self.register(self.phone("bob"), "*", 0).status, 200)
        self.assertEqual(self.register(self.phone("bob"), expires=0).status, 200)
        self.assertEqual(self.usrloc.records, 0)


class DomainTests(RouterTestCase):
    """use_domain: whether the domain is part of the user."""

    def statuses(self, aliases: list[str], **params: Any) -> list[int]:
        """Bob registers in a.example: calls to him there, and in b.example."""
        self.setUp()
        self.serve(Plain, aliases=aliases, modparams={"usrloc": params})
        bob = self.phone("bob", domain="a.example")
        exchange = bob.register()
        self.clock.advance(0.1)
        self.assertEqual(exchange.status, 200)
        alice = self.phone("alice")
        calls = [alice.invite(f"sip:bob@{domain}") for domain in ("a.example", "A.EXAMPLE.", "b.example")]
        self.clock.advance(0.1)
        return [call.status for call in calls]

    def test_one_domain(self) -> None:
        """The address of the server is another name of the same domain."""
        self.setUp()
        self.serve(Plain, aliases=["a.example"])
        bob = self.phone("bob", domain="a.example")
        bob.register()
        self.clock.advance(0.1)
        call = self.phone("alice").invite("sip:bob@10.0.0.1")
        self.clock.advance(0.1)
        self.assertEqual(call.status, 180)

    def test_two_domains(self) -> None:
        self.assertEqual(self.statuses(["a.example", "b.example"]), [180, 180, 404])

    def test_two_names_of_one_domain(self) -> None:
        self.assertEqual(self.statuses(["a.example", "b.example"], use_domain=0), [180, 180, 180])

    def test_a_user_part_cannot_pretend_to_be_a_domain(self) -> None:
        self.serve(Plain, aliases=["a.example", "b.example"])
        mallory = self.phone("bob%40a.example", domain="b.example")
        mallory.register()
        self.clock.advance(0.1)
        call = self.phone("alice").invite("sip:bob@a.example")
        self.clock.advance(0.1)
        self.assertEqual(call.status, 404)

    def test_registrar_says_otherwise(self) -> None:
        class Torn(Plain):
            usrloc = use(Usrloc, use_domain=0)
            registrar = use(Registrar, use_domain=1)

        with self.assertRaises(Exception) as caught:
            self.serve(Torn)
        self.assertIn("set both alike", str(caught.exception))

    def test_realm_prefix(self) -> None:
        self.serve(
            Plain,
            aliases=["a.example", "sip.a.example"],
            modparams={"usrloc": {"use_domain": 1}, "registrar": {"realm_prefix": "sip."}},
        )
        self.phone("bob", domain="sip.a.example").register()
        self.clock.advance(0.1)
        call = self.phone("alice").invite("sip:bob@a.example")
        self.clock.advance(0.1)
        self.assertEqual(call.status, 180)


class AliasTests(UsrlocTestCase):
    def test_leads_to_a_user(self) -> None:
        self.play(Aliases, aliases={"8000": "sip:bob@10.0.0.1"})
        self.register(self.phone("bob"))
        self.assertEqual(self.status("8000"), 180)

    def test_never_expires(self) -> None:
        self.play(Aliases, aliases={"8000": "sip:bob@10.0.0.1"})
        self.clock.advance(10**7)
        self.register(self.phone("bob"))
        self.assertEqual(self.status("8000"), 180)

    def test_one_level(self) -> None:
        self.play(Aliases, aliases={"8000": "sip:8001@10.0.0.1", "8001": "sip:bob@10.0.0.1"})
        self.register(self.phone("bob"))
        self.assertEqual((self.status("8000"), self.status("8001")), (404, 180))

    def test_wrong_values(self) -> None:
        for value in ("bob", {"8000": 1}, ["8000"], {"8000": "not a uri"}, {"8000": "sip:"}):
            with self.assertRaises(Exception) as caught:
                use(Usrloc, aliases=value)  # type: ignore[arg-type]
            self.assertIn("expected", str(caught.exception), value)

    def test_of_the_configuration_file(self) -> None:
        self.play(Aliases, aliases={"8000": "tel:+123"})
        self.assertEqual(self.usrloc.fetch("aliases", "8000")[0].contact, "tel:+123")


class ReloadTests(UsrlocTestCase):
    """SIGHUP: another router takes over what the module holds."""

    def reload(self, router: Any, **params: Any) -> None:
        self.successResultOf(self.server.reload(router, {"usrloc": params}, {"drain": 0}))
        self.usrloc = self.server.boot.find("usrloc")

    def test_registrations_stay(self) -> None:
        self.play()
        self.register(self.phone("bob"), expires=100)
        self.reload(Aliases)
        self.assertEqual((self.status("bob"), self.usrloc.records), (180, 1))
        self.clock.advance(161)
        self.assertEqual((self.status("bob"), self.usrloc.records), (404, 0))

    def test_aliases_come_change_and_go(self) -> None:
        self.play(Aliases, aliases={"8000": "sip:bob@10.0.0.1", "8001": "sip:bob@10.0.0.1"})
        self.register(self.phone("bob"))
        self.reload(Aliases, aliases={"8000": "sip:nobody@10.0.0.1", "8002": "sip:bob@10.0.0.1"})
        self.assertEqual([self.status(user) for user in ("8000", "8001", "8002")], [404, 404, 180])
        self.assertEqual(self.usrloc.records, 3)

    def test_one_timer_is_left(self) -> None:
        self.play()
        for _ in range(3):
            self.reload(Aliases)
        timers = [call for call in self.clock.calls if "_expire" in repr(call.func)]
        self.assertEqual(len(timers), 1)

    def test_a_reload_that_fails_leaves_everything(self) -> None:
        self.play(Aliases, aliases={"8000": "sip:bob@10.0.0.1"})
        self.register(self.phone("bob"))
        self.failureResultOf(self.server.reload(Aliases, {"usrloc": {"timer_interval": 0}}, {}), ConfigError)
        self.assertEqual([self.status(user) for user in ("8000", "bob")], [180, 180])
