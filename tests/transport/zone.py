"""A name server in memory, with the calls of a twisted.names resolver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.names import dns
from twisted.names.error import DNSNameError


class Zone:
    """Answers from a table; what is not in it does not exist."""

    def __init__(self) -> None:
        self.records: dict[tuple[int, str], list[dns.RRHeader]] = {}
        self.errors: dict[tuple[int, str], Exception] = {}
        self.asked: list[tuple[str, str]] = []
        """(A, AAAA or SRV; name) of each question."""
        self.timeouts: list[Any] = []
        self.held: list[Deferred[None]] | None = None
        """A list: answers wait until `release`."""

    def a(self, name: str, *addresses: str, ttl: int = 60) -> None:
        for address in addresses:
            self._add(dns.A, name, ttl, dns.Record_A(address, ttl))

    def aaaa(self, name: str, *addresses: str, ttl: int = 60) -> None:
        for address in addresses:
            self._add(dns.AAAA, name, ttl, dns.Record_AAAA(address, ttl))

    def srv(self, name: str, target: str, port: int = 5060, priority: int = 0, weight: int = 0, ttl: int = 60) -> None:
        self._add(dns.SRV, name, ttl, dns.Record_SRV(priority, weight, port, target, ttl))

    def cname(self, name: str, target: str, ttl: int = 60) -> None:
        """An alias, which comes with the answer of each kind."""
        for kind in (dns.A, dns.AAAA):
            header = dns.RRHeader(name, dns.CNAME, dns.IN, ttl, dns.Record_CNAME(target, ttl))
            self.records.setdefault((kind, name), []).insert(0, header)

    def _add(self, kind: int, name: str, ttl: int, payload: Any) -> None:
        self.records.setdefault((kind, name), []).append(dns.RRHeader(name, kind, dns.IN, ttl, payload))

    def hold(self) -> None:
        """Answers wait from now on."""
        self.held = []

    def release(self) -> None:
        """They come, and so does each further one."""
        held, self.held = self.held or [], None
        for each in held:
            each.callback(None)

    def questions(self, kind: str) -> list[str]:
        return [name for each, name in self.asked if each == kind]

    # the calls of twisted.names

    def lookupAddress(self, name: str, timeout: Sequence[float] | None = None) -> Deferred[Any]:
        return self._answer(dns.A, "A", name, timeout)

    def lookupIPV6Address(self, name: str, timeout: Sequence[float] | None = None) -> Deferred[Any]:
        return self._answer(dns.AAAA, "AAAA", name, timeout)

    def lookupService(self, name: str, timeout: Sequence[float] | None = None) -> Deferred[Any]:
        return self._answer(dns.SRV, "SRV", name, timeout)

    def _answer(self, kind: int, text: str, name: str, timeout: Any) -> Deferred[Any]:
        self.asked.append((text, name))
        self.timeouts.append(timeout)
        if self.held is None:
            return self._found(kind, name)
        waiting: Deferred[None] = Deferred()
        self.held.append(waiting)
        return waiting.addCallback(lambda _: self._found(kind, name))

    def _found(self, kind: int, name: str) -> Deferred[Any]:
        if (kind, name) in self.errors:
            return fail(self.errors[kind, name])
        if (kind, name) in self.records:
            return succeed((self.records[kind, name], [], []))
        if any(each == name for _, each in self.records):
            return succeed(([], [], []))
        return fail(DNSNameError())
