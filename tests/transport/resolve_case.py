"""The base of the resolver tests."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import SipExpressError
from sipexpress.transport.resolve import Resolver
from tests.transport.zone import Zone

Place = tuple[str, str, int]


class ResolveCase(SynchronousTestCase):
    """A resolver whose name server is a Zone."""

    def setUp(self) -> None:
        self.zone = Zone()
        self.clock = Clock()
        self.clock.advance(1000)
        self.resolver = Resolver(self.clock, dns=self.zone)

    def ask(self, host: str, port: int | None = None, transport: str = "", sips: bool = False) -> Any:
        return self.resolver.locate(host, port, transport, sips)

    def found(self, *question: Any, **options: Any) -> list[Place]:
        answer = self.ask(*question, **options)
        if isinstance(answer, Deferred):
            answer = self.successResultOf(answer)
        return list(answer)

    def hosts(self, *question: Any, **options: Any) -> list[str]:
        return [host for _, host, _ in self.found(*question, **options)]

    def nowhere(self, *question: Any, **options: Any) -> None:
        self.failureResultOf(self.ask(*question, **options), SipExpressError)
