"""The base class for tests of routers."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.server.server import Server
from sipexpress.testing.clock import VirtualClock
from sipexpress.testing.names import Names
from sipexpress.testing.phone import Phone
from sipexpress.testing.wire import SERVER, Wire, WireNetwork


class RouterTestCase(SynchronousTestCase):
    """A test with a clock, a wire and a name table; servers and phones are put on it::

        class GreetingTests(RouterTestCase):
            def test_unknown_user(self):
                self.serve(MyRouter)
                call = self.phone("alice").invite("nobody")
                self.clock.advance(1)
                self.assertEqual(call.status, 404)

    Time passes only by ``self.clock.advance(seconds)``. The servers are the real ones.
    """

    def setUp(self) -> None:
        """Make the wire."""
        self.clock = VirtualClock()
        self.wire = Wire(self.clock)
        self.names = Names(self.clock)
        self._phones = 0

    def serve(self, router: Any, *, host: str = SERVER, secret: bytes = b"test" * 8, **settings: Any) -> Server:
        """Start a server for `router` at the address `host`. Settings are those of `Server`."""
        settings.setdefault("drain", 0)
        server = Server(
            router,
            self.clock,
            network=WireNetwork(self.wire, host),
            resolver=self.names,
            secret=secret,
            **settings,
        )
        self.successResultOf(server.startService())
        self.addCleanup(lambda: self.successResultOf(server.stopService()))
        return server

    def phone(self, user: str, host: str = "", port: int = 5060, **options: Any) -> Phone:
        """A phone for `user`; each has an address of its own, from 10.0.1.1 on."""
        named = bool(host)
        while not host or (not named and self.wire.has(host)):
            self._phones += 1
            host = f"10.0.1.{self._phones}"
        return Phone(self.wire, user, host, port, **options)

    def registered(self, *users: str, **options: Any) -> list[Phone]:
        """A registered phone for each user."""
        phones = [self.phone(user, **options) for user in users]
        exchanges = [phone.register() for phone in phones]
        self.clock.advance(0.1)
        for exchange in exchanges:
            self.assertEqual(exchange.status, 200, f"{exchange.agent.user} could not register")
        return phones
