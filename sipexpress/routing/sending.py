"""SER's core functions about targets, sockets and stateless sending."""

from __future__ import annotations

import ipaddress
from typing import Any, NoReturn

from sipexpress.errors import HeaderError, RouteError, UriError
from sipexpress.routing.marks import allowed
from sipexpress.routing.twin import RouterBase
from sipexpress.server.call import Target
from sipexpress.server.kinds import BRANCH, FAILURE, REPLY, REQUEST
from sipexpress.sip.compose import received_via
from sipexpress.sip.uri import Uri


class Sending(RouterBase):
    """The target set, and forwarding without a transaction."""

    _sx_base = True

    @allowed(REQUEST | FAILURE)
    def append_branch(self, uri: str | None = None, q: float | str | None = None) -> bool:
        """Add a target: the current Request-URI, or `uri` with preference `q` (0 to 1).

        False when it is no URI, q is none, or there are 12 targets already (SER core).
        """
        ctx = self._ctx
        raw = ctx.msg.raw_uri if uri is None else uri.encode("utf-8", "surrogateescape")
        preference = None
        if q is not None:
            try:
                preference = float(q)
            except ValueError:
                preference = -1.0
            if not 0 <= preference <= 1:
                ctx.call.error = 400
                return False
        if uri is not None:
            try:
                probe = ctx.msg.copy()
                probe.set_uri(raw)
                probe.uri  # noqa: B018 - parsed for its errors
            except (HeaderError, UriError):
                ctx.call.error = 479
                return False
        return ctx.call.append_target(raw, None, preference)

    @allowed(REQUEST)
    def forward(self, host: str | None = None, port: int | str | None = None, protocol: str = "") -> bool:
        """Forward without a transaction: to `host`, or where the Request-URI points (RFC 3261 16.11).

        True when there is somewhere to send it. It forwards whatever the route gives it, for
        whomever: decide before.
        """
        ctx = self._ctx
        dst = ctx.msg.dst_uri
        if host is not None:
            dst = _destination(host, port, protocol)
        ctx.call.targets = ()
        return ctx.server.stateless.forward(ctx.call, ctx.msg, Target(ctx.msg.raw_uri, dst, None, ctx.msg.flow))

    @allowed(REQUEST)
    def forward_udp(self, host: str | None = None, port: int | str | None = None) -> bool:
        """``forward`` over UDP."""
        return self._forward_over("udp", host, port)

    @allowed(REQUEST)
    def forward_tcp(self, host: str | None = None, port: int | str | None = None) -> bool:
        """``forward`` over TCP."""
        return self._forward_over("tcp", host, port)

    def _forward_over(self, protocol: str, host: str | None, port: int | str | None) -> bool:
        if host is None:
            try:
                uri = self._ctx.msg.uri
            except UriError:
                uri = None
            if not isinstance(uri, Uri):
                self._ctx.call.error = 479
                return False
            host, port = uri.host, uri.port
        ctx = self._ctx
        ctx.call.targets = ()
        target = Target(ctx.msg.raw_uri, _destination(host, port, protocol), None, None)
        return ctx.server.stateless.forward(ctx.call, ctx.msg, target)

    @allowed(REQUEST)
    def send(self, host: str, port: int | str | None = None) -> bool:
        """Send the request as it was received to `host` (an IP address) over UDP: no Via, no edits (SER core)."""
        return self._send("UDP", host, port)

    @allowed(REQUEST)
    def send_tcp(self, host: str, port: int | str | None = None) -> bool:
        """``send`` over TCP."""
        return self._send("TCP", host, port)

    def _send(self, protocol: str, host: str, port: int | str | None) -> bool:
        ctx = self._ctx
        try:
            address = str(ipaddress.ip_address(host.strip("[]")))
        except ValueError:
            raise RouteError(f"send({host!r}): expected an IP address") from None
        flow = ctx.server.network.flow_to(protocol, (address, _port(port) or 5060), ctx.call.source.socket)
        if flow is None:
            return False
        ctx.call.acted = True
        ctx.server.outbound.send(flow, ctx.msg.raw)
        return True

    @allowed(REQUEST | REPLY)
    def force_rport(self) -> bool:
        """Act as if the top Via had asked for rport: replies go to the source port (SER core; RFC 3581)."""
        ctx = self._ctx
        call = ctx.call
        host, port = call.source.address
        ctx.msg.replace_first("via", received_via(ctx.msg, host, port))
        call.flow = call.source
        if call.machine is not None:
            call.machine.flow = call.source
        return True

    add_rport = force_rport

    @allowed(REQUEST | REPLY)
    def force_tcp_alias(self, port: int | str | None = None) -> bool:
        """Use the connection of this message for requests to `port` (the Via's port) of its peer (SER core)."""
        ctx = self._ctx
        source: Any = ctx.call.source
        if not source.reliable:
            return False
        source.alias(_port(port) or ctx.msg.via.port or 5060)
        return True

    @allowed(REQUEST | FAILURE | BRANCH)
    def force_send_socket(self, where: str) -> bool:
        """Send this request from the listening socket ``[proto:]address[:port]`` (SER core).

        RouteError when the server does not listen there.
        """
        ctx = self._ctx
        protocol, _, rest = where.partition(":")
        if protocol.lower() not in ("udp", "tcp"):
            protocol, rest = "", where
        try:
            address = Uri.parse("sip:" + rest)
        except UriError:
            raise RouteError(f"force_send_socket({where!r}): expected [proto:]address[:port]") from None
        for socket in ctx.server.sockets:
            if (
                socket.host == address.host.strip("[]").lower()
                and (address.port is None or socket.port == address.port)
                and (not protocol or socket.protocol == protocol.upper())
            ):
                ctx.msg.send_socket = socket
                return True
        raise RouteError(f"force_send_socket({where!r}): the server does not listen there")

    @allowed(REQUEST | FAILURE)
    def set_advertised_address(self, address: str) -> bool:
        """Name `address` (a host, no port) in the Via and Record-Route of this request, instead of the
        socket's own or the setting `advertise` (SER core). Always True; RouteError for what is no host.

        Call it before record_route(); for later requests to be taken as ours, it has to be an alias.
        """
        host = _bracketed(address)
        try:
            good = Uri.parse(f"sip:{host}").host == host
        except UriError:
            good = False
        if not good:
            raise RouteError(f"set_advertised_address({address!r}): expected a host name or an address")
        call = self._ctx.call
        call.advertised = (host.encode(), call.advertised[1] if call.advertised else b"")
        return True

    @allowed(REQUEST | FAILURE)
    def set_advertised_port(self, port: int | str) -> bool:
        """Name `port` in the Via and Record-Route of this request; see set_advertised_address. Always True;
        RouteError for what is no port.
        """
        call = self._ctx.call
        call.advertised = (call.advertised[0] if call.advertised else b"", b"%d" % _number(port))
        return True

    def log(self, level: int | str, text: str | None = None) -> bool:
        """Write to the log: ``log("text")``, or ``log(level, "text")`` with SER's levels -3 to 4. Always True."""
        number = level if text is not None else 4
        message = str(level) if text is None else text
        value = int(str(number)) if str(number).lstrip("-").isascii() and str(number).lstrip("-").isdigit() else 4
        name = "error" if value <= -1 else "warn" if value == 1 else "info" if value <= 3 else "debug"
        # What came from a peer must not forge a line or drive a terminal.
        shown = "".join(char if char.isprintable() else "?" for char in message.rstrip("\n"))
        getattr(self._ctx.server.log, name)("{text}", text=shown)
        return True

    @allowed(REQUEST | REPLY | FAILURE | BRANCH)
    def drop(self) -> NoReturn:
        """Done with this message on purpose: ends the handler (SER core).

        Nothing is sent for a request. A provisional reply goes no further, a final one does all
        the same. A branch is not sent, and counts as one that failed with 487.
        """
        self._ctx.call.acted = True
        self._ctx.dropped = True
        self.exit()


def _port(port: int | str | None) -> int | None:
    return None if port is None else _number(port)


def _number(port: int | str) -> int:
    text = str(port)
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise RouteError(f"port {port!r}: expected a number from 1 to 65535")
    return int(text)


def _bracketed(host: str) -> str:
    """A host as it stands in a URI: IPv6 in brackets."""
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _destination(host: str, port: int | str | None, protocol: str) -> bytes:
    number = _port(port)
    where = _bracketed(host)
    text = f"sip:{where}" + (f":{number}" if number else "") + (f";transport={protocol}" if protocol else "")
    try:
        good = Uri.parse(text).host == where
    except UriError:
        good = False
    if not good:
        raise RouteError(f"forward({host!r}): expected a host name or an address")
    return text.encode()
