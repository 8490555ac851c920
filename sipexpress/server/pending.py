"""Requests whose handler waits (DESIGN: the pending table)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipexpress.sip.compose import compose_reply
from sipexpress.transaction.effects import NOTHING
from sipexpress.transaction.plain_server import TRYING_DELAY
from sipexpress.transaction.wheel import Timed

if TYPE_CHECKING:
    from sipexpress.server.call import Call
    from sipexpress.server.server import Server


class Pending(Timed):
    """One waiting request: absorbs its retransmissions and sends the 100 when that is allowed."""

    __slots__ = ("call", "sent")

    def __init__(self, call: Call) -> None:
        self.due = 0.0
        self.armed = 0
        self.call: Call | None = call
        self.sent = b""

    def request(self, now: float) -> int:
        """The request came again: answer with the 100 that has been sent, if any."""
        if self.sent and self.call is not None:
            self.call.server.outbound.send(self.call.flow, self.sent)
        return NOTHING

    def timeout(self, now: float) -> int:
        """The moment when a 100 for a non-INVITE over UDP is allowed (RFC 4320 4.1)."""
        self.due = 0.0
        if self.call is not None:
            self.trying()
        return NOTHING

    def trying(self) -> None:
        """Send 100 Trying."""
        call = self.call
        assert call is not None
        self.sent = compose_reply(call.request, 100, "Trying", None)
        call.status = 100
        call.server.outbound.send(call.flow, self.sent)


class PendingTable:
    """How many request routes wait, in all and from each source address, whether they have answered or not:
    an answer must not let a peer start another one. The entries of those without a transaction lie in the
    server's table of transactions, where a retransmission finds them by the same look-up."""

    __slots__ = ("_by_source", "_server", "count")

    def __init__(self, server: Server) -> None:
        self._server = server
        self._by_source: dict[str, int] = {}
        self.count = 0

    def full(self, source: str) -> bool:
        """Whether one more from `source` is too many."""
        settings = self._server.settings
        return self.count >= settings.max_pending or self._by_source.get(source, 0) >= settings.max_pending_per_source

    def enter(self, call: Call) -> None:
        """The handler of a request waits; one without transaction and final reply gets an entry."""
        server = self._server
        self.count += 1
        source = call.source.address[0]
        self._by_source[source] = self._by_source.get(source, 0) + 1
        if call.machine is not None or call.final:
            return
        entry = call.pending = Pending(call)
        method = call.request.method
        if method in ("ACK", "CANCEL"):
            return
        server.servers.put(call.key, entry)
        if method == "INVITE" or (call.flow.reliable and not call.final):
            entry.trying()
        else:
            entry.due = server.now() + TRYING_DELAY
            server.wheel_arm(entry)

    def leave(self, call: Call, *, keep_key: bool = False) -> None:
        """The entry ends; with `keep_key` a transaction has taken its place in the table."""
        entry = call.pending
        if entry is None:
            return
        call.pending = None
        entry.call = None
        entry.due = 0.0
        if not keep_key and self._server.servers.get(call.key) is entry:
            self._server.servers.drop(call.key)

    def ended(self, call: Call) -> None:
        """The handler has ended."""
        self.count -= 1
        source = call.source.address[0]
        left = self._by_source[source] - 1
        if left:
            self._by_source[source] = left
        else:
            del self._by_source[source]
        self.leave(call)
