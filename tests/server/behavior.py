"""What phones do in these tests, and how routers wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from sipexpress.testing import IncomingCall, Phone, RouterTestCase
from sipexpress.testing.wire import SERVER, Packet

HERE = (SERVER, 5060)
"""Where the server of most tests is."""


def silent(call: IncomingCall) -> None:
    """A phone that says nothing."""


def reject(code: int, *headers: tuple[str, str]) -> Callable[[IncomingCall], None]:
    """A phone that refuses at once."""
    return lambda call: call.reply(code, headers=headers)


def pause(clock: Any, seconds: float) -> Deferred[None]:
    """Wait on a clock."""
    waiting: Deferred[None] = Deferred(lambda _: timer.cancel())
    timer = clock.callLater(seconds, waiting.callback, None)
    return waiting


def methods(phone: Phone) -> list[str]:
    """The methods of the new requests that a phone got."""
    return [request.method for request in phone.requests]


class CallCase(RouterTestCase):
    """A case whose server has to be empty when everything is over."""

    server: Any

    def phones(self, user: str, *behaviors: Callable[[IncomingCall], None], **options: Any) -> list[Phone]:
        """A registered phone of `user` for each behavior."""
        found = []
        for behavior in behaviors:
            phone = self.phone(user, **options)
            phone.on_call = behavior
            phone.register()
            found.append(phone)
        self.clock.advance(0.1)
        return found

    def to(self, phone: Phone, start: str = "") -> list[Packet]:
        """What went to a phone, by the beginning of the first line."""
        return [packet for packet in self.wire.sent(start) if packet.destination == phone.address]

    def assert_empty(self, server: Any = None) -> None:
        """Nothing is left once every timer has run."""
        server = server or self.server
        self.clock.advance(100)
        left = (server.servers.count, server.clients.count, server.pending.count, len(server.runs))
        self.assertEqual(left, (0, 0, 0, 0))
