"""registrar and usrloc (RFC 3261 10.3; the ids of the conformance plan are in the names)."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from sipexpress import use
from sipexpress.errors import ConfigError
from sipexpress.interfaces import ILocationStore
from sipexpress.modules import Registrar, Usrloc
from sipexpress.testing import Phone, RouterTestCase
from tests.routers import Plain


class RegisterTests(RouterTestCase):
    def register(self, phone: Phone, contact: str | None = None, expires: int = 3600, *headers: tuple[str, str]) -> Any:
        exchange = phone.register(expires, headers, contact)
        self.clock.advance(0.1)
        return exchange

    def contacts(self, exchange: Any) -> list[str]:
        return [str(contact) for contact in exchange.response.contacts]

    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(Plain)
        self.bob = self.phone("bob")

    def test_REG_01_new_binding(self) -> None:
        exchange = self.register(self.bob)
        self.assertEqual(exchange.status, 200)
        self.assertEqual(self.contacts(exchange), ["<sip:bob@10.0.1.1:5060>;expires=3600"])
        self.assertIsNotNone(exchange.response.header("date"))

    def test_REG_02_fetch(self) -> None:
        self.register(self.bob)
        asking = self.bob.compose(
            "REGISTER", "sip:10.0.0.1", "<sip:bob@10.0.0.1>;tag=1", "<sip:bob@10.0.0.1>", "other", 1
        ).replace(b"Contact: <sip:bob@10.0.1.1:5060>\r\n", b"")
        exchange = self.bob.send(asking, self.bob.server)
        self.clock.advance(0.1)
        self.assertEqual(self.contacts(exchange), ["<sip:bob@10.0.1.1:5060>;expires=3600"])

    def test_REG_03_refresh(self) -> None:
        self.register(self.bob)
        self.clock.advance(1000)
        exchange = self.register(self.bob)
        self.assertEqual(self.contacts(exchange), ["<sip:bob@10.0.1.1:5060>;expires=3600"])

    def test_REG_04_out_of_order(self) -> None:
        self.register(self.bob)
        self.register(self.bob)
        self.bob._registered = 0
        exchange = self.register(self.bob, expires=100)
        self.assertEqual(exchange.status, 500)
        self.assertIn("expires=3600", self.contacts(self.register(self.bob, expires=3600))[0])

    def test_retransmission_changes_nothing(self) -> None:
        self.register(self.bob)
        self.clock.advance(10)
        self.bob._registered -= 1
        exchange = self.register(self.bob)
        self.assertEqual(exchange.status, 200)
        self.assertEqual(self.contacts(exchange), ["<sip:bob@10.0.1.1:5060>;expires=3590"])

    def test_REG_05_new_call_id(self) -> None:
        self.register(self.bob)
        self.register(self.bob)
        self.bob._call_id, self.bob._registered = "restarted", 0
        exchange = self.register(self.bob, None, 600)
        self.assertEqual(self.contacts(exchange), ["<sip:bob@10.0.1.1:5060>;expires=600"])

    def test_REG_06_expires_parameter_beats_header(self) -> None:
        exchange = self.register(self.bob, "<sip:bob@10.0.1.1>;expires=300", 900)
        self.assertIn("expires=300", self.contacts(exchange)[0])

    def test_REG_07_too_brief(self) -> None:
        exchange = self.register(self.bob, None, 30)
        self.assertEqual(exchange.status, 423)
        self.assertEqual(exchange.response.header("min-expires"), b"60")
        self.assertEqual(self.server.boot.find("usrloc").records, 0)

    def test_REG_08_remove_one(self) -> None:
        self.register(self.bob, "<sip:bob@10.0.1.1>, <sip:bob@10.0.1.1:5080>")
        exchange = self.register(self.bob, "<sip:bob@10.0.1.1:5080>;expires=0")
        self.assertEqual(self.contacts(exchange), ["<sip:bob@10.0.1.1>;expires=3600"])

    def test_REG_09_remove_all(self) -> None:
        self.register(self.bob)
        exchange = self.register(self.bob, "*", 0)
        self.assertEqual((exchange.status, self.contacts(exchange)), (200, []))
        self.assertEqual(self.server.boot.find("usrloc").records, 0)

    def test_REG_10_star_needs_to_stand_alone(self) -> None:
        self.register(self.bob)
        self.assertEqual(self.register(self.bob, "*", 60).status, 400)
        self.assertEqual(self.register(self.bob, "*, <sip:bob@10.0.1.1>", 0).status, 400)

    def test_REG_11_all_or_nothing(self) -> None:
        exchange = self.register(self.bob, "<sip:bob@10.0.1.1>, <mailto:bob@example.com>")
        self.assertEqual(exchange.status, 400)
        self.assertEqual(self.server.boot.find("usrloc").records, 0)

    def test_REG_13_preference(self) -> None:
        exchange = self.register(self.bob, "<sip:bob@10.0.1.1:1>;q=0.1, <sip:bob@10.0.1.1:2>;q=0.9")
        self.assertEqual(
            self.contacts(exchange),
            ["<sip:bob@10.0.1.1:2>;q=0.9;expires=3600", "<sip:bob@10.0.1.1:1>;q=0.1;expires=3600"],
        )

    def test_REG_24_expiry(self) -> None:
        self.register(self.bob, None, 100)
        self.clock.advance(99)
        alice = self.phone("alice")
        found = alice.invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(found.status, 180)
        self.clock.advance(1)
        gone = alice.invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(gone.status, 404)
        self.clock.advance(100)
        self.assertEqual(self.server.boot.find("usrloc").records, 0)

    def test_REG_33_limit_of_contacts(self) -> None:
        many = ", ".join(f"<sip:bob@10.0.1.1:{port}>" for port in range(6000, 6011))
        self.assertEqual(self.register(self.bob, many).status, 503)
        self.assertEqual(self.register(self.bob, many.rpartition(",")[0]).status, 200)

    def test_case_of_the_user_counts(self) -> None:
        self.register(self.bob)
        call = self.phone("alice").invite("Bob")
        self.clock.advance(0.5)
        self.assertEqual(call.status, 404)

    def test_escapes_and_parameters_do_not_count(self) -> None:
        self.register(self.bob)
        call = self.phone("alice").invite("sip:%62ob@10.0.0.1;user=phone")
        self.clock.advance(0.5)
        self.assertEqual(call.status, 180)


class ContactTests(RouterTestCase):
    """A contact must not lead calls where its user has no business."""

    def setUp(self) -> None:
        super().setUp()
        self.serve(Plain, trusted=["10.7.0.0/16"])
        self.bob = self.phone("bob")

    def status(self, contact: str) -> int:
        exchange = self.bob.register(contact=contact)
        self.clock.advance(0.1)
        return exchange.status

    def test_forbidden(self) -> None:
        for contact in (
            "<sip:bob@10.0.0.1>",
            "<sip:bob@10.0.0.1:5060;transport=tcp>",
            "<sip:bob@10.7.1.1>",
            "<sip:bob@127.0.0.1>",
            "<sip:bob@[::1]>",
            "<sip:bob@[::ffff:127.0.0.1]>",
            "<sip:bob@localhost>",
            "<sip:bob@gateway.example>",
            "<sip:bob@224.0.1.75>",
            "<sip:bob@255.255.255.255>",
            "<sip:bob@10.0.1.255>",
            "<sip:bob@0.0.0.0>",
            "<sip:bob@169.254.1.1>",
            "<sip:bob@10.0.1.1;maddr=10.7.1.1>",
        ):
            self.assertEqual(self.status(contact), 403, contact)

    def test_good(self) -> None:
        for contact in ("<sip:bob@10.0.1.1:6000>", "<sip:bob@192.0.2.9>"):
            self.assertEqual(self.status(contact), 200, contact)

    def test_escaped_headers_are_dropped(self) -> None:
        self.assertEqual(self.status("<sip:bob@10.0.1.1?Route=%3Csip:evil%3E>"), 200)
        self.phone("alice").invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(self.bob.calls[0].request.raw_uri, b"sip:bob@10.0.1.1")


@implementer(ILocationStore)
class SlowStore(Usrloc):
    """Every answer takes a second; a write fails while `broken`."""

    broken = False

    def fetch(self, table: str, aor: str) -> Any:
        return self.later(lambda: Usrloc.fetch(self, table, aor))

    def store(self, table: str, aor: str, bindings: Any) -> Any:
        return self.later(lambda: self.write(table, aor, bindings))

    def write(self, table: str, aor: str, bindings: Any) -> None:
        if SlowStore.broken:
            raise OSError("disk full")
        Usrloc.store(self, table, aor, bindings)

    def later(self, work: Any) -> Deferred[Any]:
        answer: Deferred[None] = Deferred()
        self.server.later(1, answer.callback, None)
        return answer.addCallback(lambda _: work())


class Slow(Plain):
    usrloc = use(SlowStore)
    registrar = use(Registrar)


class StoreTests(RouterTestCase):
    def test_REG_34_one_after_the_other(self) -> None:
        self.serve(Slow)
        bob = self.phone("bob")
        exchanges = [bob.register(contact=f"<sip:bob@10.0.1.1:{port}>") for port in (6001, 6002, 6003)]
        self.clock.advance(2.5)
        self.assertEqual([exchange.status for exchange in exchanges], [200, 0, 0])
        self.clock.advance(5)
        self.assertEqual([exchange.status for exchange in exchanges], [200, 200, 200])
        self.assertEqual(len(exchanges[2].response.contacts), 3)

    def test_REG_12_store_fails(self) -> None:
        server = self.serve(Slow)
        bob = self.phone("bob")
        self.patch(SlowStore, "broken", True)
        exchange = bob.register()
        self.clock.advance(3)
        self.assertEqual(exchange.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(server.boot.find("usrloc").tables, {})

    def test_lookup_waits(self) -> None:
        self.serve(Slow)
        bob = self.phone("bob")
        bob.register()
        self.clock.advance(3)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.5)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 180])


class ParameterTests(RouterTestCase):
    def test_registrar_needs_a_store(self) -> None:
        class Lonely(Plain):
            usrloc = None  # type: ignore[assignment]

        with self.assertRaises(ConfigError) as caught:
            self.serve(Lonely)
        self.assertEqual(str(caught.exception), "registrar needs usrloc: add `usrloc = use(Usrloc)` to the router")

    def test_domains(self) -> None:
        self.serve(Plain, aliases=["a.example", "b.example"])
        bob = self.phone("bob", domain="a.example")
        bob.register()
        self.clock.advance(0.1)
        alice = self.phone("alice")
        calls = [alice.invite("sip:bob@A.example"), alice.invite("sip:bob@b.example")]
        self.clock.advance(0.5)
        self.assertEqual([call.status for call in calls], [180, 404])

    def test_permanent_alias(self) -> None:
        class Aliases(Plain):
            usrloc = use(Usrloc, aliases={"office": "sip:bob@10.0.0.1"})

            async def route(self) -> Any:
                if self.method == "INVITE":
                    await self.registrar.lookup("aliases")
                return await super().route()

        self.serve(Aliases)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("office")
        self.clock.advance(0.5)
        self.assertEqual(call.status, 180)
        self.assertEqual(len(bob.calls), 1)
