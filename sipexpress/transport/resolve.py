"""Where a host name leads to: SRV, AAAA and A through twisted.names (RFC 3263), without blocking."""

from __future__ import annotations

import ipaddress
import random
from collections import OrderedDict
from collections.abc import Generator
from functools import lru_cache
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from zope.interface import implementer

from sipexpress.errors import SipExpressError
from sipexpress.interfaces import IResolver

Place = tuple[str, str, int]
"""Protocol in upper case, IP address, port."""

CACHE = 4096
MAX_PLACES = 8
MAX_TTL = 3600.0
MIN_TTL = 1.0
FAILURE_TTL = 5.0
HALF_TTL = 60.0
"""For an answer that had to do without the SRV records, because the name server failed."""
_WAITERS = 1000


class _Lookup:
    """One question under way, and who waits for it."""

    __slots__ = ("waiters",)

    def __init__(self) -> None:
        self.waiters: list[Deferred[list[Place]]] = []


@implementer(IResolver)
class Resolver:
    """Answers are kept for their TTL, at most 4096 of them. `timeout` is seconds for one question.

    An answer from DNS that is a loopback, link-local, multicast or unspecified address is ignored
    unless `allow_loopback`: a stranger's name must not lead to what only this machine may reach.
    """

    def __init__(self, reactor: Any, timeout: float = 5.0, allow_loopback: bool = False, dns: Any = None) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._allow_loopback = allow_loopback
        self._dns = dns
        self._hosts: Any = None
        self._cache: OrderedDict[tuple[str, int, str, bool], tuple[float, list[Place]]] = OrderedDict()
        self._asking: dict[tuple[str, int, str, bool], _Lookup] = {}

    def locate(self, host: str, port: int | None, transport: str, sips: bool) -> list[Place] | Deferred[list[Place]]:
        """The places of a host, best first: a list when known, else a Deferred of one.

        The Deferred fails with SipExpressError when the name leads nowhere; cancelling it
        leaves others who wait for the same name alone.
        """
        known = numeric_places(host, port, transport, sips)
        if known is not None:
            return known
        protocol = "TLS" if sips else transport.upper()
        bare = host.strip("[]")
        key = (bare.lower().rstrip("."), port or 0, protocol, sips)
        kept = self._cache.get(key)
        if kept is not None:
            if kept[0] > self._reactor.seconds():
                if kept[1]:
                    return list(kept[1])
                failed: Deferred[list[Place]] = Deferred()
                failed.errback(SipExpressError(f"{host} leads nowhere"))
                return failed
            del self._cache[key]
        return self._ask(key)

    def _ask(self, key: tuple[str, int, str, bool]) -> Deferred[list[Place]]:
        waiter: Deferred[list[Place]] = Deferred()
        lookup = self._asking.get(key)
        if lookup is not None:
            if len(lookup.waiters) >= _WAITERS:
                waiter.errback(SipExpressError(f"too many requests wait for {key[0]}"))
            else:
                lookup.waiters.append(waiter)
            return waiter
        if len(self._asking) >= CACHE:
            waiter.errback(SipExpressError("too many names are being looked up"))
            return waiter
        lookup = self._asking[key] = _Lookup()
        lookup.waiters.append(waiter)
        self._find(*key[:3]).addCallbacks(
            lambda found: self._tell(key, *found), lambda failure: self._tell(key, FAILURE_TTL, [])
        )
        return waiter

    def _tell(self, key: tuple[str, int, str, bool], ttl: float, places: list[Place]) -> None:
        self._cache[key] = (self._reactor.seconds() + (ttl if places else FAILURE_TTL), places)
        if len(self._cache) > CACHE:
            self._cache.popitem(last=False)
        for waiter in self._asking.pop(key).waiters:
            if waiter.called:
                continue  # canceled
            if places:
                waiter.callback(list(places))
            else:
                waiter.errback(SipExpressError(f"{key[0]} leads nowhere"))

    @inlineCallbacks
    def _find(self, host: str, port: int, protocol: str) -> Generator[Deferred[Any], Any, tuple[float, list[Place]]]:
        """RFC 3263 4.1 and 4.2 without NAPTR: SRV where no port is given, then AAAA and A."""
        ttl = MAX_TTL
        if not port:
            for candidate in (protocol,) if protocol else ("UDP", "TCP"):
                more, servers = yield self._services(host, candidate)
                ttl = min(ttl, more)
                places: list[Place] = []
                for target, number in servers:
                    more, found = yield self._addresses(target)
                    ttl = min(ttl, more)
                    places += [(candidate, address, number) for address in found]
                if places:
                    return ttl, places[:MAX_PLACES]
        protocol = protocol or "UDP"
        more, found = yield self._addresses(host)
        number = port or default_port(protocol)
        return min(ttl, more), [(protocol, address, number) for address in found][:MAX_PLACES]

    @inlineCallbacks
    def _services(self, host: str, protocol: str) -> Generator[Deferred[Any], Any, tuple[float, list[tuple[str, int]]]]:
        """The SRV records of a service, in the order of RFC 2782."""
        from twisted.names import dns

        name = f"_sips._tcp.{host}" if protocol == "TLS" else f"_sip._{protocol.lower()}.{host}"
        limit, records = yield self._query("lookupService", name, dns.SRV)
        usable = [
            (ttl, record) for ttl, record in records if str(record.target) not in (".", "") and 0 < record.port < 65536
        ]
        ttl = min((ttl for ttl, _ in usable), default=limit)
        ordered = sorted(
            (record for _, record in usable),
            # Weighted order inside a priority: the larger the weight, the likelier it comes first.
            key=lambda record: (record.priority, -(random.random() ** (1.0 / (record.weight + 0.1)))),  # noqa: S311
        )
        return ttl, [(str(record.target), record.port) for record in ordered[:MAX_PLACES]]

    @inlineCallbacks
    def _addresses(self, host: str) -> Generator[Deferred[Any], Any, tuple[float, list[str]]]:
        """Addresses of a name: /etc/hosts first, then A, then AAAA."""
        from twisted.names import dns

        if self._dns is None:
            self._connect()
        if self._hosts is not None:
            own = yield self._from_hosts(host)
            if own:
                return 60.0, own
        found: list[str] = []
        ttl = MAX_TTL
        for kind, method in ((dns.A, "lookupAddress"), (dns.AAAA, "lookupIPV6Address")):
            _, records = yield self._query(method, host, kind)
            for seconds, record in records:
                address = record.dottedQuad() if kind == dns.A else str(ipaddress.IPv6Address(record.address))
                if self._acceptable(address):
                    found.append(address)
                    ttl = min(ttl, seconds)
        return ttl, found

    def _acceptable(self, address: str) -> bool:
        ip = ipaddress.ip_address(address)
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip.is_multicast or ip.is_unspecified or str(ip) == "255.255.255.255":
            return False
        return self._allow_loopback or not (ip.is_loopback or ip.is_link_local)

    @inlineCallbacks
    def _from_hosts(self, host: str) -> Generator[Deferred[Any], Any, list[str]]:
        found: list[str] = []
        for method in ("lookupAddress", "lookupIPV6Address"):
            try:
                answers, _, _ = yield getattr(self._hosts, method)(host)
            except Exception:  # not in the file
                continue
            for answer in answers:
                payload = answer.payload
                found.append(
                    payload.dottedQuad()
                    if hasattr(payload, "dottedQuad")
                    else str(ipaddress.IPv6Address(payload.address))
                )
        return found

    @inlineCallbacks
    def _query(
        self, method: str, name: str, kind: int
    ) -> Generator[Deferred[Any], Any, tuple[float, list[tuple[float, Any]]]]:
        """How long it may be kept that there are none, and (TTL, record) of every answer of that kind."""
        from twisted.names.error import DNSNameError

        if self._dns is None:
            self._connect()
        try:
            answers, _, _ = yield getattr(self._dns, method)(name, [self._timeout])
        except DNSNameError:
            return MAX_TTL, []
        except Exception:
            return HALF_TTL, []
        return MAX_TTL, [
            (min(max(float(answer.ttl), MIN_TTL), MAX_TTL), answer.payload) for answer in answers if answer.type == kind
        ]

    def stop(self) -> None:
        """No more timers: Twisted's resolver looks at its file each minute. The next question makes another one."""
        timer = getattr(self._dns, "_parseCall", None)
        if timer is not None and timer.active():
            timer.cancel()
        if self._hosts is not None:  # both were made here
            self._dns = self._hosts = None

    def _connect(self) -> None:
        # Imported at the first question: it costs 30 ms, and a server with numeric peers needs none of it.
        from twisted.names import client, hosts

        self._dns = client.Resolver(resolv="/etc/resolv.conf", reactor=self._reactor)
        self._hosts = hosts.Resolver()


@lru_cache(4096)
def numeric(host: str) -> str | None:
    """The usual spelling of an IP address (IPv6 with or without brackets); None for a name."""
    if "%" in host:
        return None  # a zone means nothing to anybody but its own machine
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def numeric_places(host: str, port: int | None, transport: str, sips: bool) -> list[Place] | None:
    """The one place of a host that is an IP address (RFC 3263 4.1, 4.2); None for a name."""
    address = numeric(host)
    if address is None:
        return None
    protocol = "TLS" if sips else transport.upper() or "UDP"
    return [(protocol, address, port or default_port(protocol))]


def default_port(protocol: str) -> int:
    """5061 for TLS, else 5060 (RFC 3261 19.1.2)."""
    return 5061 if protocol == "TLS" else 5060
