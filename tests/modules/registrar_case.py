"""What tests of the registrar share."""

from __future__ import annotations

from typing import Any

from sipexpress.testing import Phone, RouterTestCase
from tests.routers import Plain


class RegistrarTestCase(RouterTestCase):
    def play(self, router: Any = Plain, **params: Any) -> Phone:
        """A server; Bob's phone at 10.0.1.1."""
        self.server = self.serve(router, modparams={"registrar": params})
        self.bob = self.phone("bob")
        return self.bob

    def register(self, contact: str | None = None, expires: int = 3600, *headers: tuple[str, str]) -> Any:
        exchange = self.bob.register(expires, headers, contact)
        self.clock.advance(0.1)
        return exchange

    def send(self, *, uri: str = "sip:10.0.0.1", to: str = "<sip:bob@10.0.0.1>", cseq: int = 1, **more: Any) -> Any:
        """A REGISTER with other parts; `lines` replaces the Contact line."""
        lines: bytes = more.pop("lines", b"Contact: <sip:bob@10.0.1.1:5060>\r\n")
        data = self.bob.compose("REGISTER", uri, "<sip:bob@10.0.0.1>;tag=1", to, more.pop("call_id", "c"), cseq)
        data = data.replace(b"Contact: <sip:bob@10.0.1.1:5060>\r\n", lines)
        exchange = self.bob.send(data, self.bob.server)
        self.clock.advance(0.1)
        return exchange

    def contacts(self, exchange: Any) -> list[str]:
        return [str(contact) for contact in exchange.response.contacts]

    def stored(self, aor: str = "bob") -> list[str]:
        """The contacts in the store."""
        return [binding.contact for binding in self.server.boot.find("usrloc").fetch("location", aor)]
