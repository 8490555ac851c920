"""Answers that are kept, and questions that many wait for."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.names import dns
from twisted.names.error import DNSQueryTimeoutError, DNSServerError

from sipexpress.errors import SipExpressError
from sipexpress.transport.resolve import CACHE
from tests.transport.resolve_case import ResolveCase


class CacheTests(ResolveCase):
    """Answers are kept for their time, and questions are asked once."""

    def setUp(self) -> None:
        super().setUp()
        self.zone.a("example.org", "192.0.2.1", ttl=30)

    def test_a_known_answer_is_a_list(self) -> None:
        self.assertIsInstance(self.ask("example.org"), Deferred)
        asked = len(self.zone.asked)
        self.assertEqual(self.ask("example.org"), [("UDP", "192.0.2.1", 5060)])
        self.assertEqual(self.ask("EXAMPLE.org."), [("UDP", "192.0.2.1", 5060)])
        self.assertEqual(len(self.zone.asked), asked)

    def test_another_port_or_transport_is_another_question(self) -> None:
        self.found("example.org")
        self.assertEqual(self.found("example.org", 5070), [("UDP", "192.0.2.1", 5070)])
        self.assertEqual(self.found("example.org", 5070, "tcp"), [("TCP", "192.0.2.1", 5070)])

    def test_until_the_ttl_is_over(self) -> None:
        self.found("example.org")
        asked = len(self.zone.asked)
        self.clock.advance(29)
        self.found("example.org")
        self.assertEqual(len(self.zone.asked), asked)
        self.clock.advance(2)
        del self.zone.records[dns.A, "example.org"]
        self.zone.a("example.org", "192.0.2.2")
        self.assertEqual(self.hosts("example.org"), ["192.0.2.2"])

    def test_the_shortest_ttl_counts(self) -> None:
        self.zone.srv("_sip._udp.two.example.org", "a.example.org", ttl=500)
        self.zone.srv("_sip._udp.two.example.org", "b.example.org", ttl=500)
        self.zone.a("a.example.org", "192.0.2.3", ttl=400)
        self.zone.a("b.example.org", "192.0.2.4", ttl=10)
        self.found("two.example.org")
        asked = len(self.zone.asked)
        self.clock.advance(11)
        self.found("two.example.org")
        self.assertGreater(len(self.zone.asked), asked)

    def test_a_ttl_of_zero_or_of_years_is_bounded(self) -> None:
        self.zone.a("zero.example.org", "192.0.2.5", ttl=0)
        self.zone.a("years.example.org", "192.0.2.6", ttl=10**9)
        self.found("zero.example.org")
        self.found("years.example.org")
        self.assertIsInstance(self.ask("zero.example.org"), list)
        self.clock.advance(2)
        self.assertIsInstance(self.ask("zero.example.org"), Deferred)
        self.clock.advance(86_400)
        self.assertIsInstance(self.ask("years.example.org"), Deferred)

    def test_a_failure_is_kept_for_a_moment(self) -> None:
        self.nowhere("late.example.org")
        asked = len(self.zone.asked)
        self.nowhere("late.example.org")
        self.assertEqual(len(self.zone.asked), asked)
        self.zone.a("late.example.org", "192.0.2.7")
        self.clock.advance(10)
        self.assertEqual(self.hosts("late.example.org"), ["192.0.2.7"])

    def test_a_silent_name_server_is_forgiven_soon(self) -> None:
        for error in (DNSQueryTimeoutError(1), DNSServerError(), OSError("no network")):
            name = f"{type(error).__name__}.example.org".lower()
            for kind in (dns.A, dns.AAAA):
                self.zone.errors[kind, name] = error
            self.nowhere(name)
            self.zone.errors.clear()
            self.zone.a(name, "192.0.2.8")
            self.clock.advance(10)
            self.assertEqual(self.hosts(name), ["192.0.2.8"])

    def test_half_an_answer_is_not_kept_for_long(self) -> None:
        self.zone.srv("_sip._udp.shaky.example.org", "sip.example.org", 5070)
        self.zone.a("sip.example.org", "192.0.2.9", ttl=3000)
        self.zone.a("shaky.example.org", "192.0.2.10", ttl=3000)
        self.zone.errors[dns.SRV, "_sip._udp.shaky.example.org"] = DNSQueryTimeoutError(1)
        self.assertEqual(self.hosts("shaky.example.org"), ["192.0.2.10"])
        self.zone.errors.clear()
        self.clock.advance(100)
        self.assertEqual(self.found("shaky.example.org"), [("UDP", "192.0.2.9", 5070)])

    def test_what_a_caller_does_with_its_list_is_its_own(self) -> None:
        self.found("example.org")
        self.ask("example.org").clear()
        self.assertEqual(self.hosts("example.org"), ["192.0.2.1"])

    def test_the_cache_is_bounded(self) -> None:
        self.zone.a("first.example.org", "192.0.2.1", ttl=3000)
        self.found("first.example.org", 5060)
        for number in range(CACHE):
            self.nowhere(f"{number}.example.org", 5060)
        self.assertIsInstance(self.ask("first.example.org", 5060), Deferred)


class WaitingTests(ResolveCase):
    """Many wait for one answer."""

    def setUp(self) -> None:
        super().setUp()
        self.zone.a("example.org", "192.0.2.1")
        self.zone.hold()

    def test_one_question_for_all(self) -> None:
        waiting = [self.ask("example.org", 5060) for _ in range(10)]
        self.assertEqual(len(self.zone.asked), 1)
        for each in waiting:
            self.assertNoResult(each)
        self.zone.release()
        for each in waiting:
            self.assertEqual(self.successResultOf(each), [("UDP", "192.0.2.1", 5060)])
        self.assertEqual(len(self.zone.questions("A")), 1)

    def test_one_failure_for_all(self) -> None:
        waiting = [self.ask("nowhere.example.org", 5060) for _ in range(3)]
        self.zone.release()
        for each in waiting:
            self.failureResultOf(each, SipExpressError)

    def test_cancelling_one_leaves_the_others(self) -> None:
        one, two, three = (self.ask("example.org", 5060) for _ in range(3))
        two.cancel()
        self.failureResultOf(two, CancelledError)
        self.assertNoResult(one)
        self.zone.release()
        self.assertEqual(self.successResultOf(one), self.successResultOf(three))

    def test_cancelling_all_keeps_the_answer(self) -> None:
        only = self.ask("example.org", 5060)
        only.cancel()
        self.failureResultOf(only, CancelledError)
        self.zone.release()
        self.assertEqual(self.ask("example.org", 5060), [("UDP", "192.0.2.1", 5060)])

    def test_asking_again_from_inside_an_answer(self) -> None:
        again: list[Any] = []
        self.ask("example.org", 5060).addCallback(lambda _: again.append(self.ask("example.org", 5060)))
        self.zone.release()
        self.assertEqual(again, [[("UDP", "192.0.2.1", 5060)]])

    def test_who_waits_is_bounded(self) -> None:
        waiting = [self.ask("example.org", 5060) for _ in range(1001)]
        self.failureResultOf(waiting[1000], SipExpressError)
        self.assertNoResult(waiting[999])
        self.zone.release()
        self.successResultOf(waiting[999])

    def test_questions_under_way_are_bounded(self) -> None:
        waiting = [self.ask(f"{number}.example.org", 5060) for number in range(CACHE + 1)]
        self.failureResultOf(waiting[CACHE], SipExpressError)
        self.assertNoResult(waiting[CACHE - 1])
        self.assertEqual(len(self.zone.asked), CACHE)
        self.zone.release()
        for each in waiting[:CACHE]:
            self.failureResultOf(each, SipExpressError)
        self.assertEqual(self.hosts("example.org", 5060), ["192.0.2.1"])
