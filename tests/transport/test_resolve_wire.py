"""The resolver on a real name server, which listens on loopback."""

from __future__ import annotations

import socket as sockets
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.internet.task import Clock
from twisted.names import client, dns, server
from twisted.names.authority import FileAuthority
from twisted.trial.unittest import TestCase

from sipexpress.errors import SipExpressError
from sipexpress.transport.resolve import Resolver
from tests.transport.tcp_case import Steps

reactor: Any = _reactor


class Authority(FileAuthority):
    """One zone, example.org."""

    soa: Any
    records: Any

    def loadFile(self, records: Any) -> None:
        soa = dns.Record_SOA("example.org", "admin.example.org", minimum=60)
        self.soa = (b"example.org", soa)
        self.records = {**records, b"example.org": [*records[b"example.org"], soa]}


class WireTests(TestCase):
    """What twisted.names makes of the bytes is what the resolver expects."""

    timeout = 20

    def setUp(self) -> None:
        records = {
            b"example.org": [dns.Record_A("192.0.2.1", 600), dns.Record_AAAA("2001:db8::1", 600)],
            b"_sip._udp.srv.example.org": [
                dns.Record_SRV(20, 0, 5062, "example.org", 60),
                dns.Record_SRV(10, 0, 5061, "other.example.org", 60),
            ],
            b"other.example.org": [dns.Record_A("192.0.2.2", 60)],
            b"_sip._udp.no.example.org": [dns.Record_SRV(0, 0, 0, "", 60)],
            b"no.example.org": [dns.Record_A("192.0.2.3", 60)],
            b"alias.example.org": [dns.Record_CNAME("example.org", 60)],
        }
        factory = server.DNSServerFactory(authorities=[Authority(records)])
        factory.noisy = False
        port = reactor.listenUDP(0, dns.DNSDatagramProtocol(factory), interface="127.0.0.1")
        self.addCleanup(maybeDeferred, port.stopListening)
        self.clock = Clock()
        self.resolver = self.asking(port.getHost().port)

    def asking(self, port: int, timeout: float = 5.0) -> Resolver:
        names = client.Resolver(servers=[("127.0.0.1", port)], reactor=reactor)
        return Resolver(self.clock, timeout=timeout, dns=names)

    def asked(self, name: str) -> Deferred[Any]:
        answer = self.resolver.locate(name, None, "", False)
        assert isinstance(answer, Deferred)
        return answer

    @inlineCallbacks
    def test_addresses(self) -> Steps:
        found = yield self.resolver.locate("example.org", 5070, "TCP", False)
        self.assertEqual(found, [("TCP", "192.0.2.1", 5070), ("TCP", "2001:db8::1", 5070)])

    @inlineCallbacks
    def test_services(self) -> Steps:
        found = yield self.resolver.locate("srv.example.org", None, "", False)
        self.assertEqual(found, [("UDP", "192.0.2.2", 5061), ("UDP", "192.0.2.1", 5062), ("UDP", "2001:db8::1", 5062)])

    @inlineCallbacks
    def test_no_services(self) -> Steps:
        found = yield self.resolver.locate("example.org", None, "", False)
        self.assertEqual(found, [("UDP", "192.0.2.1", 5060), ("UDP", "2001:db8::1", 5060)])

    @inlineCallbacks
    def test_a_name_that_does_not_exist_is_no_failure_of_the_server(self) -> Steps:
        yield self.resolver.locate("example.org", None, "", False)
        self.clock.advance(500)
        self.assertIsInstance(self.resolver.locate("example.org", None, "", False), list)

    @inlineCallbacks
    def test_a_service_that_is_not_offered(self) -> Steps:
        found = yield self.resolver.locate("no.example.org", None, "", False)
        self.assertEqual(found, [("UDP", "192.0.2.3", 5060)])

    @inlineCallbacks
    def test_an_alias(self) -> Steps:
        found = yield self.resolver.locate("alias.example.org", 5060, "", False)
        self.assertEqual(found, [("UDP", "192.0.2.1", 5060), ("UDP", "2001:db8::1", 5060)])

    @inlineCallbacks
    def test_nowhere(self) -> Steps:
        yield self.assertFailure(self.asked("nowhere.example.org"), SipExpressError)

    @inlineCallbacks
    def test_a_name_server_that_is_silent(self) -> Steps:
        with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            self.resolver = self.asking(silent.getsockname()[1], timeout=0.05)
            yield self.assertFailure(self.asked("example.org"), SipExpressError)
