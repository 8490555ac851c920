"""The values that routes read: SER's method, uri, src_ip, myself and the rest."""

from __future__ import annotations

import ipaddress
from typing import Any

from sipexpress.errors import HeaderError, RouteError
from sipexpress.routing.twin import RouterBase
from sipexpress.server.kinds import REPLY


class Myself:
    """SER's ``myself``: equal to a URI text, or an IP address, that names this server."""

    __slots__ = ("_server",)

    def __init__(self, server: Any) -> None:
        self._server = server

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            return NotImplemented
        if ":" in other and not isinstance(other, Address):
            return bool(self._server.identity.has_uri(other))
        return bool(self._server.identity.has_host(other))

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "myself"


class Address(str):
    """An IP address as text; compared with ``10.0.0.0/8`` it tells whether it lies in that network."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            if "/" in other:
                return ipaddress.ip_address(str(self)) in ipaddress.ip_network(other, strict=False)
            return str.__eq__(self, other)
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = str.__hash__


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


class Values(RouterBase):
    """Read-only values of the message in hand."""

    _sx_base = True

    @property
    def method(self) -> str:
        """The method of the request, as ``"INVITE"``."""
        return self._ctx.msg.method

    @property
    def uri(self) -> str:
        """The current Request-URI; compare it with ``self.myself`` or a text."""
        return _text(self._ctx.msg.raw_uri)

    @property
    def dst_uri(self) -> str | None:
        """The next hop where that is not the Request-URI (set by loose_route and lookup)."""
        raw = self._ctx.msg.dst_uri
        return None if raw is None else _text(raw)

    @property
    def from_uri(self) -> str:
        """The URI of From; empty when there is none."""
        return self._uri_of("from_")

    @property
    def to_uri(self) -> str:
        """The URI of To; empty when there is none."""
        return self._uri_of("to")

    def _uri_of(self, name: str) -> str:
        try:
            return str(getattr(self._ctx.msg, name).uri_text)
        except HeaderError:
            return ""

    @property
    def status(self) -> str:
        """The status code in hand, as text: of the reply in a reply route, of the best branch in a
        failure route; in the request route, of the last reply sent (empty before).
        """
        ctx = self._ctx
        if ctx.reply is not None:
            return str(ctx.reply.status)
        code = ctx.branch.status if ctx.branch is not None and ctx.branch.final else ctx.call.status
        return str(code) if code else ""

    @property
    def myself(self) -> Myself:
        """Equal to a URI or address that names this server: ``if self.uri != self.myself:``."""
        return Myself(self._ctx.server)

    @property
    def _source(self) -> Any:
        ctx = self._ctx
        return ctx.call.source if ctx.reply is None or ctx.reply.flow is None or ctx.kind != REPLY else ctx.reply.flow

    @property
    def src_ip(self) -> Address:
        """The source address of the message; ``self.src_ip == "10.0.0.0/8"`` asks for a network."""
        return Address(self._source.address[0])

    @property
    def src_port(self) -> int:
        """The source port of the message."""
        return int(self._source.address[1])

    @property
    def dst_ip(self) -> Address:
        """The address the message was received at."""
        return Address(self._source.socket.host)

    @property
    def dst_port(self) -> int:
        """The port the message was received at."""
        return int(self._source.socket.port)

    @property
    def af(self) -> str:
        """``"inet"`` or ``"inet6"``."""
        return "inet6" if self._source.socket.ipv6 else "inet"

    @property
    def proto(self) -> str:
        """``"udp"`` or ``"tcp"``."""
        return str(self._source.protocol).lower()

    @property
    def msg_len(self) -> int:
        """The length of the received message in bytes (SER's ``msg:len``): in a reply route, of the reply."""
        ctx = self._ctx
        return len(ctx.msg.raw if ctx.kind != REPLY or ctx.reply is None else ctx.reply.raw)

    @property
    def max_len(self) -> int:
        """The setting max_len, in bytes."""
        return int(self._ctx.server.settings.max_len)

    @property
    def avp(self) -> dict[Any, Any]:
        """Attribute-value pairs of this transaction: seen by its reply and failure routes, by no other call."""
        call = self._ctx.call
        if call.avp is None:
            call.avp = {}
        kept: dict[Any, Any] = call.avp
        return kept

    # flags

    def setflag(self, number: int | str) -> bool:
        """Set the message flag `number` (1 to 31). Always True; RouteError for another number."""
        self._ctx.call.flags |= 1 << _flag(number)
        return True

    def resetflag(self, number: int | str) -> bool:
        """Clear the message flag `number` (1 to 31). Always True."""
        self._ctx.call.flags &= ~(1 << _flag(number))
        return True

    def isflagset(self, number: int | str) -> bool:
        """Whether the message flag `number` (1 to 31) is set."""
        return bool(self._ctx.call.flags >> _flag(number) & 1)


def _flag(number: int | str) -> int:
    text = str(number)
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= 31):
        raise RouteError(f"flag {number!r}: expected a number from 1 to 31")
    return int(text)
