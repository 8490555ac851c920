"""What the tests of the face share: a router of one route, and one request for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

import sipexpress
from sipexpress import use
from sipexpress.modules import Sl, Tm
from sipexpress.server.server import Server
from sipexpress.testing import RouterTestCase
from sipexpress.testing.agent import Exchange


class Bare(sipexpress.Router):
    """A router without a route."""

    sl = use(Sl)
    tm = use(Tm)

    def ok(self, text: object = "OK") -> bool:
        """Answer with 200 and a text."""
        return self.sl.sl_send_reply(200, str(text))


class FaceTestCase(RouterTestCase):
    """A test that needs little more than one route."""

    server: Server

    def start(self, router: Any, **settings: Any) -> Server:
        """Start a server; it is `self.server` then."""
        self.server = self.serve(router, **settings)
        return self.server

    def route(self, route: Callable[[Any], Any], base: type = Bare, **settings: Any) -> Server:
        """Start a server for a router of class `base` whose route is a function."""
        return self.start(type("Given", (base,), {"route": route}), **settings)

    def ask(
        self,
        method: str = "MESSAGE",
        to: str = "bob",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        seconds: float = 0.1,
        **phone: Any,
    ) -> Exchange:
        """Send a request from a phone of its own, and let some time pass."""
        exchange = self.phone("alice", **phone).request(method, to, headers, body)
        self.clock.advance(seconds)
        return exchange

    def said(self, exchange: Exchange) -> str:
        """The reason of a 200."""
        self.assertEqual(exchange.status, 200)
        return exchange.response.reason

    def pause(self, seconds: float) -> Deferred[None]:
        """Wait on the clock of the test."""
        waiting: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self.clock.callLater(seconds, waiting.callback, None)
        return waiting

    def failure(self, kind: type[BaseException] = sipexpress.errors.RouteError) -> str:
        """The message of the one exception that was logged."""
        failures = self.flushLoggedErrors(kind)
        self.assertEqual(len(failures), 1, failures)
        return str(failures[0].getErrorMessage())

    def logged(self) -> list[str]:
        """The warnings and errors that are logged from now on."""
        lines: list[str] = []

        def observe(event: Any) -> None:
            if event["log_level"] >= LogLevel.warn:
                lines.append(formatEvent(event))

        publisher: Any = globalLogPublisher
        publisher.addObserver(observe)
        self.addCleanup(publisher.removeObserver, observe)
        return lines
