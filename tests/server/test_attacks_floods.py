"""A million of them: what a flood of anything costs, and that its cost has an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Registrar, Sl, Tm, Usrloc
from sipexpress.testing import Phone, RouterTestCase
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, pause, silent


def numbered(phone: Phone, method: str, uri: str, *headers: tuple[str, str]) -> Callable[[int], bytes]:
    """Requests of one phone that differ by branch, Call-ID and tag."""
    data = phone._new(method, uri, list(headers), b"")
    at = [data.partition(name)[2].partition(b"\r\n")[0] for name in (b"Via: ", b"Call-ID: ", b"From: ")]

    def make(number: int) -> bytes:
        made = data.replace(at[0], at[0].replace(b"z9hG4bK", b"z9hG4bK%d-" % number))
        return made.replace(at[1], b"%d" % number).replace(at[2], b"%b%d" % (at[2], number))

    return make


class TransactionTests(CallCase):
    def test_invites_beyond_the_limit(self) -> None:
        """Each gets a 503, and nothing is kept."""
        self.server = server = self.serve(Plain, max_transactions=10)
        self.phones("bob", silent)
        mallory = self.phone("mallory")
        statuses: dict[bytes, int] = {}

        def count(data: bytes, flow: Any) -> None:
            statuses[data[8:11]] = statuses.get(data[8:11], 0) + 1
            if data[8:11] == b"503":
                self.assertIn(b"\r\nRetry-After: 5\r\n", data)

        mallory.received = count  # type: ignore[method-assign]
        self.wire.keep = False
        make = numbered(mallory, "INVITE", "sip:bob@10.0.0.1", ("Contact", "<sip:m@10.0.1.2>"))
        flow = server.sockets[0].flow_to(mallory.address)
        for number in range(30_000):
            server.received(make(number), flow)
            if not number % 1000:
                self.clock.advance(0.01)
        self.clock.advance(0.1)
        self.assertEqual((server.servers.count, server.clients.count), (10, 10))
        self.assertEqual((server.counters["transactions_full"], statuses[b"503"]), (29_990, 29_990))
        self.clock.advance(300)
        self.assert_empty()
        self.wire.keep = True
        alice, _ = self.registered("alice", "dave")
        call = alice.invite("dave")
        self.clock.advance(1)
        self.assertEqual(call.status, 180)

    def test_branches_beyond_the_limit(self) -> None:
        """One transaction may have many branches: these have a limit of their own."""

        class Again(Plain):
            def relay(self) -> Any:
                self.tm.t_on_failure(self.again)
                return super().relay()

            @sipexpress.failure_route
            def again(self) -> Any:
                self.tm.t_on_failure(self.again)
                self.append_branch()
                return self.tm.t_relay()

        self.server = self.serve(Again, max_transactions=1)
        self.phones("bob", lambda call: call.reject())
        call = self.phone("alice").invite("bob")
        self.clock.advance(10)
        self.assertEqual(self.server.clients.count, 12)
        self.assertEqual(self.server.counters["clients_full"], 48 - 12)
        self.assertEqual(self.server.counters["branches_full"], 1)
        self.assertEqual(call.status, 486)
        self.clock.advance(100)
        self.assert_empty()

    def test_acks_of_nobody_leave_nothing(self) -> None:
        self.server = self.serve(Plain)
        self.phones("bob", silent)
        make = numbered(self.phone("mallory"), "ACK", "sip:bob@10.0.0.1")
        flow = self.server.sockets[0].flow_to(("10.0.1.2", 5060))
        for number in range(1000):
            self.server.received(make(number), flow)
        self.assert_empty()
        self.assertEqual(len(self.server.inbound._acks), 0)


class WaitingTests(RouterTestCase):
    """Handlers that wait are counted until they end, whatever was answered meanwhile."""

    def flooded(self, router: Any, method: str = "INVITE", after: Callable[[Phone, Any], object] | None = None) -> Any:
        server = self.serve(router, max_pending_per_source=5, max_pending=8)
        for number in range(4):
            phone = self.phone(f"m{number}")
            for _ in range(10):
                exchange = phone.invite("bob") if method == "INVITE" else phone.request(method, "bob")
                self.clock.advance(0.1)
                if after is not None:
                    after(phone, exchange)
                    self.clock.advance(0.1)
            self.assertLessEqual(len(server.runs), 8)
            self.assertEqual(len(server.runs), server.pending.count)
        self.assertGreater(server.counters["pending_full"], 30)
        self.clock.advance(100)
        self.assertEqual((len(server.runs), server.pending.count, server.servers.count), (0, 0, 0))
        self.assertEqual(server.pending._by_source, {})
        return server

    def test_they_wait(self) -> None:
        clock = self.clock

        class Waiting(sipexpress.Router):
            sl = use(Sl)

            async def route(self) -> None:
                await pause(clock, 20)
                self.sl.sl_send_reply(404)

        self.flooded(Waiting)

    def test_they_answer_first(self) -> None:
        clock = self.clock

        class Answering(sipexpress.Router):
            sl = use(Sl)

            async def route(self) -> None:
                self.sl.sl_send_reply(404)
                await pause(clock, 20)

        for method in ("INVITE", "MESSAGE"):
            self.flooded(Answering, method)
            self.tearDownServers()

    def tearDownServers(self) -> None:
        self.doCleanups()

    def test_they_have_a_transaction(self) -> None:
        clock = self.clock

        class Stateful(sipexpress.Router):
            tm = use(Tm)

            async def route(self) -> None:
                self.tm.t_newtran()
                await pause(clock, 20)
                self.tm.t_reply(404)

        self.flooded(Stateful, "MESSAGE")

    def test_they_are_canceled(self) -> None:
        clock = self.clock

        class Slow(sipexpress.Router):
            sl = use(Sl)

            async def route(self) -> None:
                await pause(clock, 25)
                self.sl.sl_send_reply(404)

        self.flooded(Slow, after=Phone.cancel)

    def test_they_do_not_want_to_end(self) -> None:
        clock = self.clock

        class Stubborn(sipexpress.Router):
            async def route(self) -> None:
                try:
                    await pause(clock, 20)
                finally:
                    await pause(clock, 20)

        server = self.serve(Stubborn, max_pending_per_source=5)
        phone = self.phone("m")
        for _ in range(50):
            phone.invite("bob")
        self.clock.advance(3)
        self.assertEqual(len(server.runs), 5)


class RegisterTests(RouterTestCase):
    def test_emptied_tables_are_forgotten(self) -> None:
        class Named(sipexpress.Router):
            usrloc = use(Usrloc)
            registrar = use(Registrar)

            async def route(self) -> None:
                await self.registrar.save(self.from_uri)

        server = self.serve(Named)
        for number in range(20):
            phone = self.phone(f"user{number}")
            phone.register()
            self.clock.advance(0.1)
        store = server.boot.find("usrloc")
        self.assertEqual((len(store.tables), store.records), (20, 20))
        self.clock.advance(4000)
        self.assertEqual((len(store.tables), store.records), (0, 0))

    def test_records_have_a_limit(self) -> None:
        class Few(Plain):
            usrloc = use(Usrloc, max_records=5)

        self.serve(Few)
        phones = [self.phone(f"user{number}") for number in range(7)]
        exchanges = [phone.register() for phone in phones]
        self.clock.advance(0.1)
        self.assertEqual([exchange.status for exchange in exchanges], [200] * 5 + [500] * 2)
        self.flushLoggedErrors()
        phones[0].register(0)
        self.clock.advance(0.1)
        again = phones[6].register()
        self.clock.advance(0.1)
        self.assertEqual(again.status, 200)

    def test_many_contacts_do_not_cost_their_square(self) -> None:
        server = self.serve(Plain)
        mallory = self.phone("mallory", "10.0.1.9")
        flow = server.sockets[0].flow_to(mallory.address)

        def cost(count: int) -> float:
            best = 1e9
            for turn in range(5):
                contacts = ",".join(f"<sip:{turn}{number}@10.0.1.9>" for number in range(count))
                make = numbered(mallory, "REGISTER", "sip:10.0.0.1", ("Contact", contacts))
                data = make(turn).replace(b"To: <sip:10.0.0.1>", b"To: <sip:m@10.0.0.1>")
                begun = time.process_time()
                server.received(data, flow)
                best = min(best, time.process_time() - begun)
            return best

        small = cost(100)
        self.assertLess(cost(1200), 12 * 3 * small)
        self.clock.advance(0.1)
        self.assertEqual(self.wire.sent("SIP/2.0", HERE)[-1].start_line[:11], "SIP/2.0 503")


class SizeTests(RouterTestCase):
    """What does not fit is dropped or refused, counted, and harms nobody."""

    def test_limits_of_a_message(self) -> None:
        server = self.serve(Plain)
        alice = self.phone("alice")
        good = alice._new("MESSAGE", "sip:bob@10.0.0.1", [], b"")
        for bad in (
            good.replace(b"Max-F", b"X: " + b"y" * 33_000 + b"\r\nMax-F"),
            good.replace(b"Max-F", b"X: y\r\n" * 256 + b"Max-F"),
            good.replace(b"Max-F", b"Via: SIP/2.0/UDP a\r\n" * 70 + b"Max-F"),
            good.replace(b"Max-F", b"Via: SIP/2.0/UDP a" + b",SIP/2.0/UDP a" * 70 + b"\r\nMax-F"),
            good.replace(b"Max-F", b"v:" + b"SIP/2.0/UDP a, " * 1000 + b"SIP/2.0/UDP a\r\nMax-F"),
            good.replace(b"Content-Length: 0", b"Content-Length: 1"),
            good.replace(b"Content-Length: 0", b"Content-Length: 99999999999"),
            good.replace(b"sip:bob@", b"sip:" + b"b" * 5000 + b"@"),
            good[:-2],
        ):
            self.assertNotEqual(bad, good)
            before = server.counters["malformed"]
            server.received(bad, server.sockets[0].flow_to(alice.address))
            self.assertEqual(server.counters["malformed"], before + 1, bad[:200])
        self.assertEqual(server.servers.count, 0)
