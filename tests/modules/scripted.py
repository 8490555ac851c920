"""A router whose route is a function of the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Registrar, Rr, Sl, Tm, Usrloc
from sipexpress.server.server import Server
from sipexpress.testing import Phone, RouterTestCase

Script = Callable[[Any], Any]


class Scripted(sipexpress.Router):
    """Runs `script` with each request."""

    sl = use(Sl)
    tm = use(Tm)
    rr = use(Rr)
    usrloc = use(Usrloc)
    registrar = use(Registrar)

    def __init__(self, script: Script) -> None:
        self.script = script

    def route(self) -> Any:
        return self.script(self)


class ScriptedTestCase(RouterTestCase):
    """A server with a script, and what it answers."""

    server: Server

    def play(self, script: Script, **settings: Any) -> Phone:
        """Serve `script`; a phone for it."""
        self.server = self.serve(Scripted(script), **settings)
        return self.phone("alice")

    def ask(self, script: Script, method: str = "MESSAGE", **settings: Any) -> Any:
        """The exchange of one request to Bob."""
        exchange = self.play(script, **settings).request(method, "bob")
        self.clock.advance(0.1)
        return exchange

    def sent(self, start: str = "SIP/2.0") -> list[str]:
        """The start lines of what the server has sent."""
        return [packet.start_line for packet in self.wire.sent(start, ("10.0.0.1", 5060))]
