"""The server: a Twisted service that owns the sockets, the transactions and the modules of one router."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred

from sipexpress.server.boot import Boot
from sipexpress.server.call import Call
from sipexpress.server.clockwork import Clockwork
from sipexpress.server.counters import Counters
from sipexpress.server.deliver import Deliver
from sipexpress.server.identity import Identity
from sipexpress.server.inbound import Inbound
from sipexpress.server.log import Log
from sipexpress.server.outbound import Outbound
from sipexpress.server.pending import Pending, PendingTable
from sipexpress.server.relay import Relay
from sipexpress.server.reload import reload
from sipexpress.server.runs import Runs
from sipexpress.server.secret import Secret, default_secret_file, load_secret
from sipexpress.server.settings import Settings, updated
from sipexpress.server.stateless import Stateless
from sipexpress.server.trace import Trace
from sipexpress.sip.message import Request, parse_message
from sipexpress.sip.via import branch_of
from sipexpress.transaction.invite_client import InviteClient
from sipexpress.transaction.invite_server import InviteServer
from sipexpress.transaction.machine import Machine
from sipexpress.transaction.plain_client import PlainClient
from sipexpress.transaction.plain_server import PlainServer
from sipexpress.transaction.table import Table
from sipexpress.transaction.timers import Timers
from sipexpress.transport.listen import Socket, parse_advertise, parse_listen

ALLOW = b"INVITE, ACK, CANCEL, BYE, REGISTER, OPTIONS, INFO, PRACK, UPDATE, MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH, REFER"
RESCAN_SECONDS = 60.0


class Server(Service):
    """One SIP server for one router.

    `router` is an instance of a Router subclass (a class is instantiated), `reactor` the
    reactor to run on. Keyword arguments are settings (see `Settings`); `modparams` is a
    mapping of SER's module names to parameters that override the router's. `network`,
    `resolver` and `secret` replace the sockets, the name resolution and the content of
    the secret file.

    ``await server.startService()`` raises ConfigError when something is wrong and leaves
    nothing open; ``await server.stopService()`` drains, then closes everything.
    """

    name = "sipexpress"
    secret: Secret
    """What tags, branches and marks are made of; there once the server has started."""

    def __init__(
        self,
        router: Any,
        reactor: Any,
        *,
        modparams: Mapping[str, Mapping[str, Any]] | None = None,
        network: Any = None,
        resolver: Any = None,
        secret: bytes | None = None,
        **values: Any,
    ) -> None:
        self.log = Log(namespace="sipexpress")
        self.router = router() if isinstance(router, type) else router
        self.reactor = reactor
        settings = self.settings = updated(Settings(), values, "server")
        self._specs = [parse_listen(text) for text in settings.listen or self.router.listen]
        self._advertise = parse_advertise(settings.advertise) if settings.advertise else None
        self.counters = Counters()
        self.timers = Timers()
        self.identity = Identity()
        self.sockets: list[Socket] = []
        if secret is not None:
            self.secret = Secret(secret)
        self.network = network
        self.resolver = resolver
        self.draining = False

        self.outbound = Outbound(self)
        self.deliver = Deliver(self)
        self.relay = Relay(self)
        self.stateless = Stateless(self)
        self.runs = Runs(self)
        self.inbound = Inbound(self)
        # What the transports call for each message (tracing puts itself in its place).
        self.received: Callable[[bytes, Any], None] = self.inbound.received
        self.clockwork = Clockwork(reactor, self.outbound.expired)
        self.now = self.clockwork.now
        self.wall = self.clockwork.wall
        self.wheel_arm = self.clockwork.arm
        limit = settings.max_transactions
        self.servers: Table[InviteServer | PlainServer | Pending] = Table(limit)
        self.clients: Table[InviteClient | PlainClient] = Table(12 * limit)
        self.pending = PendingTable(self)
        self.reply_lines: list[bytes] = []
        self.answers_options = True
        self.options_lines = [
            b"Accept: application/sdp",
            b"Accept-Encoding: identity",
            b"Accept-Language: en",
            b"Allow: " + ALLOW,
        ]
        self._spent: dict[str, Request] = {}
        self._rescan: Any = None
        self._hurried = False
        self._trace = Trace(self)
        self.configure()
        self.boot = Boot(self, self.router, modparams or {})
        self.boot.attach()
        self.routes = self.router.bind(self.boot.modules)

    def configure(self) -> None:
        """Take what the settings say from now on."""
        settings = self.settings
        self.log.set_level(settings.log_level)
        self.reply_lines = [b"Server: sipexpress"] if settings.server_signature else []
        self.identity.aliases = (*self.router.aliases, *settings.aliases)
        self._addresses()
        self._trace.switch(settings.trace)

    def reload(
        self, router: Any, modparams: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]
    ) -> Deferred[None]:
        """Go on with another router, other parameters and settings (SIGHUP); when something is wrong
        the Deferred fails, and nothing has changed.
        """
        return Deferred.fromCoroutine(reload(self, router, modparams, values))

    # what modules ask

    def is_myself(self, host: str, port: int | None) -> bool:
        """Whether host and port (None = 5060) are a socket or an alias of this server."""
        return self.identity.has(host, port)

    def is_trusted(self, address: str) -> bool:
        """Whether an IP address lies in the trusted networks."""
        return self.boot.is_trusted(address)

    def need(self, interface: Any, module: Any) -> Any:
        """The module that provides `interface`. Raises ConfigError that says what to add."""
        return self.boot.need(interface, module)

    def later(self, delay: float, call: Any, *args: Any) -> Any:
        """``reactor.callLater``."""
        return self.reactor.callLater(delay, call, *args)

    def local_tag(self, request: Request) -> bytes:
        """The To tag of this server's replies: the same for a retransmission, and in the ACK for a failure."""
        top = request.line("via") or b""
        return self.secret.tag(branch_of(top) or top, request.call_id, request.from_tag or b"")

    def warning_line(self, call: Call) -> bytes:
        """The Warning header of SER's replies (the setting sip_warning)."""
        peer, port = call.source.address
        text = f"Noisy feedback tells: pid={os.getpid()} req_src_ip={peer} req_src_port={port}"
        return f'Warning: 392 {call.source.socket.host} "{text}"'.encode()

    def trim(self, call: Call) -> None:
        """The final response is out and no handler runs: keep only what late responses need."""
        machine = call.machine
        if machine is None or call.on_reply is not None:
            return
        if isinstance(machine, PlainServer):
            machine.owner = None  # nothing else goes upstream
            call.release()
            return
        if machine.sent:
            return
        method = call.request.method
        spent = self._spent.get(method)
        if spent is None:
            message = parse_message(f"{method} sip:spent.invalid SIP/2.0\r\n\r\n".encode())
            assert isinstance(message, Request)
            spent = message
            if len(self._spent) < 64:
                self._spent[method] = spent
        call.request = spent
        if call.attributes:
            call.attributes = {}
        call.targets = ()
        call.extra = ()
        call.on_failure = None
        if call.context is not None:
            for branch in call.context.branches:
                branch.response = None

    # the receiver of the transports

    def send_failed(self, flow: Any, data: bytes, reason: str) -> None:
        """A message could not be sent (`data` may be only its beginning, quoted by ICMP)."""
        self.counters.note("send_failures")
        if data.startswith(b"SIP/2.0 "):
            return  # the server transaction stays (RFC 6026 7.1)
        line = data.partition(b"\r\nVia: ")[2].partition(b"\r\n")[0]
        key = branch_of(line)
        machine = None if key is None else self.clients.get(key)
        if machine is not None and machine.flow.address == flow.address:  # type: ignore[attr-defined]
            self.log.debug("{peer}: {reason}", peer=flow.address, reason=reason)
            self.outbound.failed(machine)

    def closed(self, flow: Any) -> None:
        """A connection is gone; whoever still wants to use it makes a new one."""

    # life

    def privilegedStartService(self) -> None:
        """Open the sockets while the process still has the privileges that ports below 1024 need."""
        if self.sockets:
            return
        settings = self.settings
        if not hasattr(self, "secret"):
            self.secret = Secret(load_secret(settings.secret_file or default_secret_file()))
        if self.resolver is None:
            from sipexpress.transport.resolve import Resolver

            self.resolver = Resolver(
                self.reactor, timeout=settings.dns_timeout, allow_loopback=settings.allow_loopback_dns
            )
        if self.network is None:
            from sipexpress.transport.connections import Limits
            from sipexpress.transport.network import Network

            limits = Limits(
                settings.tcp_max_connections,
                settings.tcp_max_connections_per_address,
                settings.tcp_connect_timeout,
                settings.tcp_connection_lifetime,
                settings.tcp_message_timeout,
            )
            self.network = Network(self.reactor, limits, settings.mhomed)
        self.sockets = self.network.open(self._specs, self, self._advertise)
        self._addresses()

    @inlineCallbacks
    def startService(self) -> Any:
        """Open the sockets and start the modules."""
        if self.running:
            return
        self.privilegedStartService()
        super().startService()  # type: ignore[no-untyped-call]
        try:
            yield self.boot.start()
            yield self.boot.hook("started")
        except BaseException:
            super().stopService()  # type: ignore[no-untyped-call]
            yield self._close()
            raise
        self._rescan = self.later(RESCAN_SECONDS, self.rescan)
        for socket in self.sockets:
            self.log.info("listening on {socket}", socket=socket)

    def _addresses(self) -> None:
        pairs = [(socket.host, socket.port) for socket in self.sockets]
        pairs += [socket.advertised for socket in self.sockets if socket.advertised is not None]
        self.identity.update(pairs)

    def rescan(self) -> None:
        """Look for addresses that came or went (each minute, and on SIGHUP)."""
        added, removed = self.network.rescan()
        for socket in added:
            self.log.info("listening on {socket}, a new address", socket=socket)
        for socket in removed:
            self.log.info("no longer listening on {socket}: its address is gone", socket=socket)
        if added or removed:
            gone = set(map(id, removed))
            self.sockets = [socket for socket in self.sockets if id(socket) not in gone] + list(added)
            self._addresses()
        if self._rescan is not None and self._rescan.active():
            self._rescan.cancel()
        self._rescan = self.later(RESCAN_SECONDS, self.rescan) if self.running else None

    @inlineCallbacks
    def stopService(self) -> Any:
        """Refuse new requests, let transactions end (at most `drain` seconds), then close everything."""
        if not self.running:
            return
        super().stopService()  # type: ignore[no-untyped-call]
        self.draining = True
        deadline = self.now() + self.settings.drain
        while self._busy() and self.now() < deadline and not self._hurried:
            yield self._pause(0.1)
        yield self._close()

    def hurry(self) -> None:
        """End draining at once."""
        self._hurried = True

    def _busy(self) -> bool:
        return bool(self.runs) or any(isinstance(entry, Pending) or not entry.state for entry in self.servers)

    def _pause(self, seconds: float) -> Deferred[None]:
        pause: Deferred[None] = Deferred()
        self.later(seconds, pause.callback, None)
        return pause

    @inlineCallbacks
    def _close(self) -> Any:
        self.runs.stop()
        if self._rescan is not None and self._rescan.active():
            self._rescan.cancel()
        self._rescan = None
        try:
            yield self.boot.hook("stopped")
        except Exception:
            self.log.failure("stopped() of the router failed")
        yield self.boot.stop()
        yield maybeDeferred(self.network.close)
        if hasattr(self.resolver, "stop"):
            self.resolver.stop()
        self.sockets = []
        for client in self.clients:
            self.outbound.end_client(client)
        for entry in self.servers:
            if isinstance(entry, Machine):
                self.outbound.end_server(entry)
        self.clockwork.stop()
        self.draining = self._hurried = False
