"""A call: one request and everything that belongs to its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sipexpress.sip.message import Request, header_line
from sipexpress.transaction.invite_server import InviteServer
from sipexpress.transaction.plain_server import PlainServer
from sipexpress.transaction.response_context import ResponseContext

if TYPE_CHECKING:
    from sipexpress.server.pending import Pending
    from sipexpress.server.server import Server
    from sipexpress.transport.flow import Flow
    from sipexpress.transport.listen import Socket

MAX_TARGETS = 12
"""Targets of one attempt."""
MAX_BRANCHES = 4 * MAX_TARGETS
"""Branches of one request, over all attempts of its failure routes: two peers that keep refusing end there."""


class Target:
    """One place to forward to."""

    __slots__ = ("dst_uri", "flow", "q", "uri")

    def __init__(self, uri: bytes, dst_uri: bytes | None, q: float | None, flow: object | None) -> None:
        self.uri = uri
        self.dst_uri = dst_uri
        self.q = q
        self.flow = flow


class Call:
    """One request, its reply path, its transaction once there is one, and what routes keep on `self`.

    The name is the face's: an attribute that a route assigns lives as long as this object.
    """

    __slots__ = (
        "acted",
        "advertised",
        "attributes",
        "avp",
        "cancel_reasons",
        "canceled",
        "context",
        "error",
        "extra",
        "final",
        "flags",
        "flow",
        "key",
        "machine",
        "on_branch",
        "on_failure",
        "on_reply",
        "pending",
        "request",
        "running",
        "server",
        "source",
        "status",
        "targets",
    )

    def __init__(self, server: Server, request: Request, source: Flow, flow: Flow, key: bytes) -> None:
        self.server = server
        self.request = request
        self.source = source
        """Where the request came from."""
        self.flow = flow
        """Where responses go (RFC 3261 18.2.2, RFC 3581)."""
        self.key = key
        self.attributes: dict[str, object] = {}
        self.avp: dict[Any, Any] | None = None
        self.flags = 0
        self.extra: Sequence[bytes] = ()
        """Header lines for every local reply from now on."""
        self.targets: tuple[Target, ...] = ()
        self.on_failure: object | None = None
        self.on_reply: object | None = None
        self.on_branch: object | None = None
        self.machine: InviteServer | PlainServer | None = None
        self.context: ResponseContext | None = None
        self.pending: Pending | None = None
        self.running = 0
        """Handlers of this call that have begun and not ended."""
        self.canceled = False
        self.cancel_reasons: Sequence[bytes] = ()
        """Reason values of the CANCEL, for the branches (RFC 3326)."""
        self.acted = False
        """Whether something was done with the request: replied, forwarded, or dropped on purpose."""
        self.status = 0
        """The last status sent upstream; 0 = none."""
        self.error = 0
        """The status for what failed last (SER's ser_error), for sl_reply_error(); 0 = nothing."""
        self.final = 0
        """The final status sent upstream; 0 = none."""
        self.advertised: tuple[bytes, bytes] | None = None
        """Host and port for Via and Record-Route where a route has set them; empty = the socket's own."""

    def reply(self, code: int, reason: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b"") -> bool:
        """Answer the request, through its transaction when it has one, else statelessly.

        False when it is an ACK or a final response has been sent; raises HeaderError
        when a header would not be one, or the reason would begin one.
        """
        lines = [header_line(name, value)[1] for name, value in headers]
        return self.server.outbound.reply(self, code, reason, lines, body)

    def contact_headers(self, code: int, msg: Request) -> tuple[tuple[str, str], ...]:
        """The target set as Contact of a 3xx reply (RFC 3261 8.3, 20.10): the Request-URI where it was
        rewritten, and what was appended.
        """
        if not 300 <= code < 400:
            return ()
        texts: list[tuple[bytes, float | None]] = [] if msg.raw_uri == msg.original_uri else [(msg.raw_uri, None)]
        texts += [(target.uri, target.q) for target in self.targets]
        contacts = [
            f"<{uri.decode('utf-8', 'surrogateescape')}>" + ("" if q is None else f";q={q:g}") for uri, q in texts
        ]
        return (("Contact", ", ".join(contacts)),) if contacts else ()

    def append_target(
        self, uri: bytes, dst_uri: bytes | None = None, q: float | None = None, flow: object | None = None
    ) -> bool:
        """Add a target beside the Request-URI; False when there are MAX_TARGETS already."""
        if len(self.targets) >= MAX_TARGETS - 1:
            self.error = 500
            return False
        self.targets = (*self.targets, Target(uri, dst_uri, q, flow))
        return True

    def forgotten(self, text: str) -> None:
        """An answer that was never waited for: the request gets a 500 if it has no answer yet."""
        self.server.log.error("{text} (Call-ID {call_id})", text=text, call_id=self.call_id)
        if not self.final:
            self.server.outbound.reply(self, 500, "Server Internal Error", [], b"")
            self.server.deliver.cancel_others(self, None)

    @property
    def call_id(self) -> str:
        """The Call-ID for a log line, without control characters."""
        return printable(self.request.call_id)

    def release(self) -> None:
        """Let go of everything, so that no cycle outlives the transaction."""
        self.machine = None
        if not self.running and (self.attributes or self.avp):
            self.attributes = {}
            self.avp = None
        context = self.context
        if context is not None:
            self.context = None
            for branch in context.branches:
                client = branch.client
                if client is not None:
                    client.owner = branch.client = None
                branch.response = None


def sent_by(socket: Socket, advertised: tuple[bytes, bytes] | None) -> bytes:
    """What Via and Record-Route name for a socket: its own ``host:port``, or what a route advertises instead."""
    if advertised is None:
        return socket.sent_by
    host, _, port = socket.sent_by.rpartition(b":")
    return b"%b:%b" % (advertised[0] or host, advertised[1] or port)


def printable(raw: bytes) -> str:
    """Text from the wire for a log line: no control characters, at most 200 characters."""
    text = raw[:200].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "?" for char in text)
