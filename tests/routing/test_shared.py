"""What all calls of a router share: its class, and names that are patched on it."""

from __future__ import annotations

from typing import Any
from unittest import mock

from sipexpress import failure_route
from sipexpress.errors import ConfigError
from tests.routing.case import Bare, FaceTestCase


class PatchTests(FaceTestCase):
    """A name patched on the router or on its class, as in tests."""

    class Plain(Bare):
        """Answers with what `plain` gives."""

        def plain(self) -> str:
            return self.method

        def route(self) -> None:
            self.ok(self.plain())

    def test_on_the_router(self) -> None:
        self.start(self.Plain)
        self.server.router.plain = lambda: "patched"
        self.assertEqual(self.said(self.ask()), "patched")

    def test_on_the_router_and_undone(self) -> None:
        self.start(self.Plain)
        with mock.patch.object(self.server.router, "plain", lambda: "patched"):
            self.assertEqual(self.said(self.ask()), "patched")
        self.assertEqual(self.said(self.ask()), "MESSAGE")

    def test_on_the_class_and_undone(self) -> None:
        self.start(self.Plain)
        with mock.patch.object(self.Plain, "plain", lambda self: f"patched {self.method}"):
            self.assertEqual(self.said(self.ask()), "patched MESSAGE")
        self.assertEqual(self.said(self.ask()), "MESSAGE")

    def test_undoing_brings_a_refusal_back(self) -> None:
        class Forwarding(Bare):
            def route(self) -> None:
                self.tm.t_on_failure(self.failed)
                self.rewritehost("10.9.9.9")
                self.tm.t_relay()

            @failure_route
            def failed(self) -> None:
                self.forward()

        self.start(Forwarding)
        with mock.patch.object(self.server.router, "forward", lambda: True):
            self.assertEqual(self.ask(seconds=1).status, 500)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.ask(seconds=1)
        self.assertIn("forward() may not be called in a failure_route", self.failure())


class SharedTests(FaceTestCase):
    """Mutable class attributes would be shared by all calls and servers: refused at boot."""

    def test_they_are_refused(self) -> None:
        values: tuple[Any, ...] = ([], {}, set(), bytearray())
        for value in values:
            error = self.assertRaises(ConfigError, self.serve, type("Shared", (Bare,), {"seen": value}))
            self.assertEqual(
                str(error),
                f"Shared.seen is a {type(value).__name__}, which all calls and servers would share: "
                f"make it in __init__, or use a tuple or a frozenset",
            )

    def test_in_a_base_and_in_a_mixin(self) -> None:
        mixin = type("Mixin", (), {"seen": []})
        for cls in (type("Office", (type("Base", (Bare,), {"seen": []}),), {}), type("Office", (mixin, Bare), {})):
            self.assertRaises(ConfigError, self.serve, cls)

    def test_those_that_do_not_change_are_good(self) -> None:
        class Office(Bare):
            seen = ("a", frozenset("b"))
            aliases = ["office.example"]  # type: ignore[assignment]
            listen = ["udp:5060"]  # type: ignore[assignment]

            def route(self) -> None:
                self.ok(self.seen)

        self.start(Office)
        self.assertEqual(self.ask().status, 200)
