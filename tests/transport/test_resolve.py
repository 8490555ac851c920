"""RFC 3263 on a name server in memory."""

from __future__ import annotations

import random

from sipexpress.transport.resolve import MAX_PLACES, Resolver
from tests.transport.resolve_case import ResolveCase


class NumericTests(ResolveCase):
    """An address needs no name server (RFC 3263 4.1, 4.2)."""

    def test_addresses(self) -> None:
        self.assertEqual(self.ask("192.0.2.1"), [("UDP", "192.0.2.1", 5060)])
        self.assertEqual(self.ask("192.0.2.1", 5080, "tcp"), [("TCP", "192.0.2.1", 5080)])
        self.assertEqual(self.ask("[2001:DB8:0::1]", None, "UDP"), [("UDP", "2001:db8::1", 5060)])
        self.assertEqual(self.ask("2001:db8::1", 5070), [("UDP", "2001:db8::1", 5070)])
        self.assertEqual(self.zone.asked, [])

    def test_sips(self) -> None:
        self.assertEqual(self.ask("192.0.2.1", None, "", True), [("TLS", "192.0.2.1", 5061)])
        self.assertEqual(self.ask("192.0.2.1", 5080, "tcp", True), [("TLS", "192.0.2.1", 5080)])
        self.assertEqual(self.ask("192.0.2.1", None, "tls"), [("TLS", "192.0.2.1", 5061)])

    def test_loopback_that_is_written_out(self) -> None:
        self.assertEqual(self.ask("127.0.0.1"), [("UDP", "127.0.0.1", 5060)])


class LookupTests(ResolveCase):
    """Which questions are asked, and what comes of the answers."""

    def test_a_port_needs_no_srv(self) -> None:
        self.zone.a("example.org", "192.0.2.1")
        self.assertEqual(self.found("example.org", 5070), [("UDP", "192.0.2.1", 5070)])
        self.assertEqual(self.found("example.org", 5070, "TCP"), [("TCP", "192.0.2.1", 5070)])
        self.assertEqual(self.zone.questions("SRV"), [])

    def test_srv(self) -> None:
        self.zone.srv("_sip._udp.example.org", "sip.example.org", 5070)
        self.zone.a("sip.example.org", "192.0.2.1")
        self.assertEqual(self.found("example.org"), [("UDP", "192.0.2.1", 5070)])
        self.assertEqual(self.found("example.org", None, "UDP"), [("UDP", "192.0.2.1", 5070)])
        self.assertNotIn("example.org", self.zone.questions("A"))

    def test_udp_before_tcp(self) -> None:
        self.zone.srv("_sip._udp.example.org", "udp.example.org")
        self.zone.srv("_sip._tcp.example.org", "tcp.example.org", 5062)
        self.zone.a("udp.example.org", "192.0.2.1")
        self.zone.a("tcp.example.org", "192.0.2.2")
        self.assertEqual(self.found("example.org"), [("UDP", "192.0.2.1", 5060)])
        self.assertEqual(self.found("example.org", None, "tcp"), [("TCP", "192.0.2.2", 5062)])

    def test_tcp_where_no_udp_is_offered(self) -> None:
        self.zone.srv("_sip._tcp.example.org", "sip.example.org", 5062)
        self.zone.a("sip.example.org", "192.0.2.2")
        self.assertEqual(self.found("example.org"), [("TCP", "192.0.2.2", 5062)])

    def test_sips_asks_for_its_own(self) -> None:
        self.zone.srv("_sips._tcp.example.org", "sip.example.org", 5081)
        self.zone.a("sip.example.org", "192.0.2.2")
        self.assertEqual(self.found("example.org", None, "tcp", True), [("TLS", "192.0.2.2", 5081)])

    def test_no_srv_leads_to_the_name_itself(self) -> None:
        self.zone.a("example.org", "192.0.2.1")
        self.assertEqual(self.found("example.org"), [("UDP", "192.0.2.1", 5060)])
        self.assertEqual(self.found("example.org", None, "tcp"), [("TCP", "192.0.2.1", 5060)])
        self.assertEqual(self.found("example.org", None, "", True), [("TLS", "192.0.2.1", 5061)])

    def test_a_and_aaaa(self) -> None:
        self.zone.aaaa("example.org", "2001:db8::1")
        self.zone.a("example.org", "192.0.2.1", "192.0.2.2")
        self.assertEqual(self.hosts("example.org"), ["192.0.2.1", "192.0.2.2", "2001:db8::1"])
        self.zone.aaaa("six.example.org", "2001:db8::2")
        self.assertEqual(self.hosts("six.example.org"), ["2001:db8::2"])

    def test_an_alias_in_the_answer(self) -> None:
        self.zone.a("example.org", "192.0.2.1")
        self.zone.cname("example.org", "real.example.org")
        self.assertEqual(self.hosts("example.org"), ["192.0.2.1"])

    def test_srv_order_is_the_priority(self) -> None:
        for priority in (30, 10, 20):
            self.zone.srv("_sip._udp.example.org", f"p{priority}.example.org", 5000 + priority, priority)
            self.zone.a(f"p{priority}.example.org", f"192.0.2.{priority}")
        self.assertEqual(
            self.found("example.org"),
            [("UDP", "192.0.2.10", 5010), ("UDP", "192.0.2.20", 5020), ("UDP", "192.0.2.30", 5030)],
        )

    def test_srv_weight_is_a_share(self) -> None:
        state = random.getstate()
        self.addCleanup(random.setstate, state)
        random.seed(1)
        self.zone.a("heavy.example.org", "192.0.2.90")
        self.zone.a("light.example.org", "192.0.2.10")
        first = []
        for number in range(1000):
            self.zone.srv(f"_sip._udp.{number}.example.org", "heavy.example.org", weight=90)
            self.zone.srv(f"_sip._udp.{number}.example.org", "light.example.org", weight=10)
            first.append(self.hosts(f"{number}.example.org")[0])
        self.assertTrue(850 < first.count("192.0.2.90") < 950, first.count("192.0.2.90"))

    def test_srv_that_offers_nothing(self) -> None:
        self.zone.srv("_sip._udp.example.org", "", 5060)
        self.zone.srv("_sip._tcp.example.org", "sip.example.org", 5062)
        self.zone.a("sip.example.org", "192.0.2.2")
        self.assertEqual(self.found("example.org"), [("TCP", "192.0.2.2", 5062)])

    def test_places_are_few(self) -> None:
        for number in range(100):
            self.zone.srv("_sip._udp.example.org", f"s{number}.example.org", priority=number)
            self.zone.a(f"s{number}.example.org", *(f"192.0.2.{each}" for each in range(1, 50)))
        self.assertEqual(len(self.found("example.org")), MAX_PLACES)
        self.assertLess(len(self.zone.asked), 50)

    def test_nowhere(self) -> None:
        self.nowhere("nowhere.example.org")
        self.zone.srv("_sip._udp.dangling.example.org", "gone.example.org")
        self.nowhere("dangling.example.org")

    def test_the_time_limit_is_handed_on(self) -> None:
        self.resolver = Resolver(self.clock, timeout=1.5, dns=self.zone)
        self.zone.a("example.org", "192.0.2.1")
        self.found("example.org")
        self.assertEqual({tuple(each) for each in self.zone.timeouts}, {(1.5,)})


class DangerousAnswerTests(ResolveCase):
    """A stranger's name does not lead to what only this machine may reach."""

    def test_loopback_is_ignored(self) -> None:
        self.zone.a("bad.example.org", "127.0.0.1", "127.5.5.5", "169.254.169.254")
        self.zone.aaaa("bad.example.org", "::1", "fe80::1", "::ffff:127.0.0.1", "::ffff:169.254.1.1")
        self.nowhere("bad.example.org")
        self.zone.a("half.example.org", "127.0.0.1", "192.0.2.1")
        self.assertEqual(self.hosts("half.example.org"), ["192.0.2.1"])

    def test_loopback_behind_srv_too(self) -> None:
        self.zone.srv("_sip._udp.bad.example.org", "local.example.org")
        self.zone.a("local.example.org", "127.0.0.1")
        self.nowhere("bad.example.org")

    def test_loopback_where_it_is_allowed(self) -> None:
        self.resolver = Resolver(self.clock, allow_loopback=True, dns=self.zone)
        self.zone.a("lab.example.org", "127.0.0.1", "224.0.0.1", "0.0.0.0")
        self.zone.aaaa("lab.example.org", "::1", "ff02::1", "::")
        self.assertEqual(self.hosts("lab.example.org"), ["127.0.0.1", "::1"])

    def test_what_is_no_host(self) -> None:
        self.zone.a("bad.example.org", "224.0.1.75", "255.255.255.255", "0.0.0.0")
        self.zone.aaaa("bad.example.org", "ff02::1", "::")
        self.nowhere("bad.example.org")

    def test_what_is_no_host_in_ipv6_clothes(self) -> None:
        self.zone.aaaa("bad.example.org", "::ffff:224.0.1.75", "::ffff:255.255.255.255", "::ffff:0.0.0.0")
        self.nowhere("bad.example.org")
