"""Users' code that fails while a server starts, stops or is reloaded: nothing stays half open."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.errors import ConfigError
from sipexpress.modules import Registrar, Tm
from sipexpress.server.server import Server
from sipexpress.testing import IncomingCall, RouterTestCase
from sipexpress.testing.wire import WireNetwork
from tests.routers import Plain
from tests.server.behavior import pause


class Failing(Plain):
    """Fails at what a test names."""

    def __init__(self, *where: str) -> None:
        self.where = where

    def started(self, server: Any) -> None:
        if "started" in self.where:
            raise ValueError("started")

    def stopped(self, server: Any) -> None:
        if "stopped" in self.where:
            raise KeyError("stopped")


class LifeTests(RouterTestCase):
    def made(self, router: Any) -> Server:
        return Server(
            router, self.clock, network=WireNetwork(self.wire), resolver=self.names, secret=b"test" * 8, drain=0
        )

    def assert_free(self) -> None:
        """Another server can take the place, and no timer of the first one is left."""
        self.assertEqual(self.wire._places, {})
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)

    def test_stopped_raises(self) -> None:
        server = self.made(Failing("stopped"))
        self.successResultOf(server.startService())
        self.successResultOf(server.stopService())
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assert_free()

    def test_started_raises(self) -> None:
        server = self.made(Failing("started"))
        self.failureResultOf(server.startService(), ValueError)
        self.assert_free()

    def test_both_raise(self) -> None:
        server = self.made(Failing("started", "stopped"))
        self.failureResultOf(server.startService(), ValueError)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assert_free()

    def test_a_module_does_not_start(self) -> None:
        class Torn(Plain):
            registrar = use(Registrar, use_domain=True)

        server = self.made(Torn)
        self.failureResultOf(server.startService(), ConfigError)
        self.assert_free()

    def test_a_handler_that_does_not_want_to_end(self) -> None:
        clock = self.clock

        class Stubborn(sipexpress.Router):
            async def route(self) -> None:
                while True:
                    try:
                        await pause(clock, 1000)
                    except Exception:
                        continue

        server = self.made(Stubborn)
        self.successResultOf(server.startService())
        phone = self.phone("m")
        phone.invite("bob")
        self.clock.advance(0.1)
        self.assertEqual(len(server.runs), 1)
        self.successResultOf(server.stopService())
        self.assertEqual((len(server.runs), server.servers.count, server.pending.count), (0, 0, 0))


class ReloadTests(RouterTestCase):
    """What is wrong changes nothing."""

    def test_broken_routers(self) -> None:
        class Shared(Plain):
            calls: list[str] = []

        class Needy(sipexpress.Router):
            registrar = use(Registrar)

        class Torn(Plain):
            tm = use(Tm, fr_inv_timer=1)
            registrar = use(Registrar, use_domain=True)

        class Unmade(Plain):
            def __init__(self) -> None:
                raise RuntimeError("no")

        server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        timers, settings, routes = server.timers, server.settings, server.routes
        for router, error in ((Shared, ConfigError), (Needy, ConfigError), (Torn, ConfigError), (Unmade, RuntimeError)):
            self.failureResultOf(server.reload(router, {}, {"retry_after": 99}), error)
        self.failureResultOf(server.reload(Plain, {"tm": {"fr_timer": "soon"}}, {}), ConfigError)
        self.failureResultOf(server.reload(Plain, {}, {"nonsense": 1}), ConfigError)
        self.assertIs(server.timers, timers)
        self.assertIs(server.settings, settings)
        self.assertIs(server.routes, routes)
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)
