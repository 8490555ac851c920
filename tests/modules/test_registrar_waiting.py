"""registrar with a store whose answers wait, fail, or never come."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from sipexpress import use
from sipexpress.testing import Phone, RouterTestCase
from tests.modules.stores import Held, HeldStore


class WaitingTestCase(RouterTestCase):
    def play(self, router: Any = Held, **settings: Any) -> Phone:
        self.server = self.serve(router, **settings)
        self.store: HeldStore = self.server.boot.find("usrloc")
        self.bob = self.phone("bob")
        return self.bob

    def register(self, port: int = 5060, **options: Any) -> Any:
        exchange = self.bob.register(contact=f"<sip:bob@10.0.1.1:{port}>", **options)
        self.clock.advance(0.1)
        return exchange

    def release(self, number: int = 0, error: Exception | None = None) -> None:
        self.store.release(number, error)
        self.clock.advance(0.1)

    def bound(self, port: int = 5060) -> None:
        """Bob is registered."""
        exchange = self.register(port)
        self.store.release_all()
        self.clock.advance(0.1)
        self.assertEqual(exchange.status, 200)

    def contacts(self, exchange: Any) -> list[int]:
        """The ports of the contacts in a 200."""
        return sorted(contact.uri.port for contact in exchange.response.contacts)


class AcknowledgedTests(WaitingTestCase):
    """What was answered 200 is in the store."""

    def test_the_200_comes_after_the_write(self) -> None:
        self.play()
        exchange = self.register()
        self.assertEqual((exchange.statuses, self.store.asked), ([], ["fetch bob"]))
        self.release()
        self.assertEqual((exchange.statuses, self.store.asked), ([], ["store bob"]))
        self.release()
        self.assertEqual(exchange.statuses, [200])

    def test_a_question_writes_nothing(self) -> None:
        self.play()
        self.bound()
        asking = self.bob.compose("REGISTER", "sip:10.0.0.1", "<sip:bob@x>;tag=1", "<sip:bob@10.0.0.1>", "ask", 1)
        exchange = self.bob.send(asking.replace(b"Contact: <sip:bob@10.0.1.1:5060>\r\n", b""), self.bob.server)
        self.clock.advance(0.1)
        self.release()
        self.assertEqual((exchange.statuses, self.store.asked), ([200], []))

    def test_retransmissions_are_absorbed_meanwhile(self) -> None:
        self.play()
        exchange = self.register()
        self.clock.advance(3)
        self.assertEqual(self.store.asked, ["fetch bob"])
        self.store.release_all()
        self.clock.advance(0.1)
        self.assertEqual([status for status in exchange.statuses if status >= 200], [200])


class FailureTests(WaitingTestCase):
    """A failing store: 500, and nothing is lost."""

    def fails(self, number_of_good_answers: int) -> None:
        self.play()
        self.bound(6000)
        exchange = self.register(6001)
        for _ in range(number_of_good_answers):
            self.release()
        self.release(error=OSError("disk full"))
        self.assertEqual(exchange.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        after = self.register(6002)
        self.store.release_all()
        self.clock.advance(0.1)
        self.assertEqual((after.status, self.contacts(after)), (200, [6000, 6002]))

    def test_reading(self) -> None:
        self.fails(0)

    def test_writing(self) -> None:
        self.fails(1)

    def test_removing_everything(self) -> None:
        self.play()
        self.bound(6000)
        exchange = self.bob.register(0, contact="*")
        self.clock.advance(0.1)
        self.release()
        self.release(error=OSError("disk full"))
        self.assertEqual(exchange.status, 500)
        self.flushLoggedErrors(OSError)
        after = self.register(6001)
        self.store.release_all()
        self.clock.advance(0.1)
        self.assertEqual(self.contacts(after), [6000, 6001])

    def test_the_phones_own_repetition_succeeds(self) -> None:
        """The same REGISTER with the next CSeq: the failed one left no trace."""
        self.play()
        exchange = self.register()
        self.release()
        self.release(error=OSError("disk full"))
        self.assertEqual(exchange.status, 500)
        self.flushLoggedErrors(OSError)
        self.bound()

    def test_a_store_that_raises_at_once(self) -> None:
        class Broken(HeldStore):
            def fetch(self, table: str, aor: str) -> Any:
                raise OSError("no such table")

        class Breaking(Held):
            usrloc = use(Broken)

        self.play(Breaking)
        self.assertEqual(self.register().status, 500)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.1)
        self.assertEqual(call.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 2)

    def test_lookup(self) -> None:
        self.play()
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.1)
        self.release(error=OSError("gone"))
        self.assertEqual(call.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_no_reply_was_asked_for(self) -> None:
        class Quiet(Held):
            async def route(self) -> Any:
                if not await self.registrar.save_noreply("location"):
                    self.sl.sl_send_reply(480, "Try later")

        self.play(Quiet)
        exchange = self.register()
        self.release(error=OSError("gone"))
        self.assertEqual(exchange.status, 480)
        self.flushLoggedErrors(OSError)


class LaneTests(WaitingTestCase):
    """REGISTERs of one address-of-record run one after the other."""

    def test_REG_34_each_sees_what_the_one_before_did(self) -> None:
        self.play()
        exchanges = [self.register(port) for port in (6001, 6002, 6003)]
        self.assertEqual(self.store.asked, ["fetch bob"])
        statuses = []
        for _ in range(6):
            self.release()
            statuses.append([exchange.status // 200 for exchange in exchanges])
        self.assertEqual(statuses, [[0, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1]])
        self.assertEqual(
            [self.contacts(exchange) for exchange in exchanges], [[6001], [6001, 6002], [6001, 6002, 6003]]
        )

    def test_the_limit_counts_for_all_of_them(self) -> None:
        self.play(modparams={"registrar": {"max_contacts": 2}})
        exchanges = [self.register(port) for port in (6001, 6002, 6003)]
        self.store.release_all()
        self.clock.advance(0.1)
        self.assertEqual([exchange.status for exchange in exchanges], [200, 200, 503])

    def test_others_do_not_wait(self) -> None:
        self.play()
        carol = self.phone("carol")
        first, second = self.register(), carol.register()
        self.clock.advance(0.1)
        self.assertEqual(self.store.asked, ["fetch bob", "fetch carol"])
        self.release(1)
        self.release(1)
        self.assertEqual((first.status, second.status), (0, 200))

    def test_a_failure_does_not_hold_up_the_next_one(self) -> None:
        self.play()
        exchanges = [self.register(port) for port in (6001, 6002, 6003)]
        self.release(error=OSError("gone"))
        self.assertEqual((exchanges[0].status, self.store.asked), (500, ["fetch bob"]))
        self.flushLoggedErrors(OSError)
        self.store.release_all()
        self.clock.advance(0.1)
        self.assertEqual([exchange.status for exchange in exchanges], [500, 200, 200])

    def test_a_refused_one_takes_no_turn(self) -> None:
        self.play()
        self.register(6001)
        self.assertEqual(self.register(6002, expires=30).status, 423)
        self.assertEqual(self.store.asked, ["fetch bob"])

    def test_too_many_at_once(self) -> None:
        self.play()
        exchanges = [self.register(port) for port in range(6001, 6019)]
        self.assertEqual([exchange.status for exchange in exchanges], [0] * 17 + [503])
        self.store.release_all()
        self.clock.advance(0.1)
        self.assertEqual([exchange.status for exchange in exchanges[:10]], [200] * 10)
        self.bound(6001)

    def test_the_time_limit_of_the_route(self) -> None:
        """It is answered 500. What the store was told stands; who only waited for a turn does nothing."""
        self.play(route_timeout=5)
        first, second = self.register(6001), self.register(6002)
        self.clock.advance(7)
        self.assertEqual((first.status, second.status), (500, 500))
        self.store.release_all()
        self.clock.advance(0.1)
        self.assertEqual((first.status, second.status), (500, 500))
        self.assertEqual(
            [binding.contact for binding in self.store.tables["location"]["bob"]], ["sip:bob@10.0.1.1:6001"]
        )
        self.bound(6003)

    def test_over_a_reload(self) -> None:
        """SIGHUP: who comes after it waits for who came before it."""
        self.play()
        first = self.register(6001)
        before = self.store
        self.successResultOf(self.server.reload(Held, {}, {"drain": 0}))
        self.store = self.server.boot.find("usrloc")
        second = self.register(6002)
        self.assertEqual((before.asked, self.store.asked), (["fetch bob"], []))
        before.release_all()
        self.store.release_all()
        self.clock.advance(0.1)
        self.assertEqual((first.status, second.status), (200, 200))
        self.assertEqual(self.contacts(second), [6001, 6002])

    def test_a_removal_behind_a_registration(self) -> None:
        self.play()
        first = self.register(6001)
        second = self.bob.register(0, contact="*")
        self.clock.advance(0.1)
        self.store.release_all()
        self.clock.advance(0.1)
        self.assertEqual((first.status, second.status, self.store.records), (200, 200, 0))


class LookupTests(WaitingTestCase):
    def test_a_call_waits_for_the_answer(self) -> None:
        self.play()
        self.bound()
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual((call.statuses, self.store.asked), ([100], ["fetch bob"]))
        self.release()
        self.assertEqual(call.status, 180)

    def test_a_caller_who_gives_up_meanwhile(self) -> None:
        self.play()
        self.bound()
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(0.1)
        self.assertEqual(call.status, 487)
        self.release()
        self.assertEqual(self.bob.calls, [])

    def test_the_time_limit_ends_the_question(self) -> None:
        self.play(route_timeout=5)
        call = self.phone("alice").invite("bob")
        self.clock.advance(7)
        self.assertEqual(call.status, 500)
        _, answer, _ = self.store.held[0]
        self.assertTrue(answer.called, "it was canceled")

    def test_a_time_limit_of_the_users_own(self) -> None:
        class Impatient(Held):
            async def route(self) -> Any:
                if self.method == "REGISTER":
                    return await super().route()
                answer: Deferred[bool] = self.registrar.lookup("location")
                answer.addTimeout(1, self.router.clock)
                try:
                    await answer
                except Exception as error:
                    return self.sl.sl_send_reply(480, type(error).__name__)

            clock: Any = None

        router = Impatient()
        router.clock = self.clock
        self.play(router)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1.5)
        self.assertEqual((call.status, call.response.reason), (480, "TimeoutError"))
