"""Performing what machines want: sending, arming timers, ending transactions; local replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sipexpress.server.call import printable, sent_by
from sipexpress.sip.compose import compose_cancel, compose_reply
from sipexpress.sip.message import Request, Response
from sipexpress.sip.status import reason as reason_of
from sipexpress.transaction.effects import ACK, DELIVER, END, SEND, TIMEOUT, TRYING
from sipexpress.transaction.invite_client import InviteClient
from sipexpress.transaction.invite_server import InviteServer
from sipexpress.transaction.machine import Machine
from sipexpress.transaction.plain_client import PlainClient
from sipexpress.transaction.plain_server import PlainServer
from sipexpress.transaction.response_context import Branch

if TYPE_CHECKING:
    from sipexpress.server.call import Call
    from sipexpress.server.server import Server
    from sipexpress.transport.flow import Flow

# Made once: a union written at its place is made anew each time.
_SERVERS = (InviteServer, PlainServer)


class Outbound:
    """The sending half of the desk."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def send(self, flow: Flow, data: bytes) -> None:
        """Every message leaves through here (tracing puts itself in its place)."""
        flow.send(data)

    # upstream

    def reply(self, call: Call, code: int, reason: str, extra: Sequence[bytes], body: bytes) -> bool:
        """A reply of this server's own: stateful where there is a transaction (RFC 3261 8.2.6)."""
        request = call.request
        if request.method == "ACK" or call.final:
            self._server.log.debug(
                "{code} not sent for {method} (Call-ID {call_id}): {why}",
                code=code,
                method=request.method,
                call_id=call.call_id,
                why="an ACK is never answered" if not call.final else f"{call.final} was sent before",
            )
            return False
        data = self.compose(call, code, reason or reason_of(code), extra, body)
        call.acted = True
        machine = call.machine
        if machine is None:
            pending = call.pending
            if pending is not None:
                if code < 200:
                    pending.sent = data
                else:
                    self._server.pending.leave(call)
            call.status = code
            if code >= 200:
                call.final = code
            self.send(call.flow, data)
            return True
        return self.upstream(call, code, data, own=True)

    def refuse(self, call: Call) -> None:
        """503: the server is full, or about to stop."""
        retry = b"Retry-After: %d" % self._server.settings.retry_after
        self.reply(call, 503, "Service Unavailable", [retry], b"")

    def compose(self, call: Call, code: int, reason: str, extra: Sequence[bytes], body: bytes) -> bytes:
        """The bytes of a local reply, with the headers every one of them carries."""
        server = self._server
        request = call.request
        lines = [*call.extra, *extra, *server.reply_lines]
        if server.settings.sip_warning:
            lines.append(server.warning_line(call))
        tag = None if code == 100 else server.local_tag(request)
        return compose_reply(request, code, reason, tag, lines, body)

    def upstream(self, call: Call, status: int, data: bytes, own: bool = False) -> bool:
        """Send a response through the server transaction; False when that is past it."""
        machine = call.machine
        if machine is None:
            return False
        effects = machine.reply(status, data, self._server.now(), own)
        if not effects:
            return False
        call.status = status
        if status >= 200:
            call.final = status
            if call.context is not None and not call.context.sent:
                call.context.sent = status
        self.send(call.flow, data)
        if own and 200 <= status < 300 and isinstance(machine, InviteServer):
            self._server.inbound.expect_ack(call)
        if effects & END:
            self.end_server(machine)
        elif machine.due:
            self._server.wheel_arm(machine)
        return True

    def trying(self, call: Call) -> None:
        """Send 100 through the transaction unless something has been sent already."""
        if not call.status:
            self.upstream(call, 100, compose_reply(call.request, 100, "Trying", None))

    def _server_effects(self, machine: InviteServer | PlainServer, effects: int) -> None:
        call: Call | None = machine.owner  # type: ignore[assignment]
        if effects & SEND:
            self.send(machine.flow, machine.sent)  # type: ignore[arg-type]
        if effects & TRYING and call is not None:
            self.trying(call)
        if effects & END:
            self.end_server(machine)
        elif machine.due:
            self._server.wheel_arm(machine)

    def server_again(self, machine: InviteServer | PlainServer) -> None:
        """A request was retransmitted."""
        if machine.request(self._server.now()) & SEND:
            self.send(machine.flow, machine.sent)  # type: ignore[arg-type]

    def end_server(self, machine: InviteServer | PlainServer) -> None:
        """Take a server transaction out of its table and undo the links to its call."""
        self._server.servers.drop(machine.key)
        call: Call | None = machine.owner  # type: ignore[assignment]
        machine.owner = None
        if call is not None:
            self._server.inbound.forget_ack(call)
            call.release()

    # downstream

    def forwarded(self, call: Call, request: Request, uri: bytes, flow: Flow, branch: bytes) -> bytes:
        """The bytes of a request to `uri`: with our Via on top, and Record-Route for the socket it leaves by."""
        record = request.record
        if record is not None and flow.socket is not call.source.socket:
            request = request.copy()
            record.leave_by(request, flow.socket)
        if flow.reliable and not request.has_header("content-length"):
            request = request.copy()
            request.set("Content-Length", b"%d" % len(request.body))
        via = flow.socket.via
        if call.advertised is not None:
            via = via.replace(flow.socket.sent_by, sent_by(flow.socket, call.advertised))
        return request.to_bytes(b"".join((via, branch, b";rport")), uri)

    def start(self, machine: InviteClient | PlainClient) -> None:
        """Send a client transaction's request for the first time."""
        machine.start(self._server.now())
        self.send(machine.flow, machine.sent)  # type: ignore[arg-type]
        self._server.wheel_arm(machine)

    def received(self, machine: InviteClient | PlainClient, response: Response) -> bool:
        """A response for a client transaction; True when it is to be delivered upwards."""
        effects = machine.receive(response.status, self._server.now())
        if effects & ACK:
            self._ack(machine, response)
        if effects & END:
            self.end_client(machine)
        elif machine.due:
            self._server.wheel_arm(machine)
        return bool(effects & DELIVER)

    def _ack(self, machine: Machine, response: Response) -> None:
        """Acknowledge a failure hop by hop (RFC 3261 17.1.1.3)."""
        assert isinstance(machine, InviteClient)
        if not machine.ack:
            machine.ack = self._server.relay.ack_for(machine.sent, response)
            machine.sent = b""
        self.send(machine.flow, machine.ack)  # type: ignore[arg-type]

    def end_client(self, machine: Machine) -> None:
        """Take a client transaction out of its table."""
        self._server.clients.drop(machine.key)
        branch: Branch | None = machine.owner  # type: ignore[assignment]
        machine.owner = None
        if branch is not None:
            branch.client = None

    def cancel(self, branch: Branch) -> None:
        """Cancel a branch: now if it has a provisional response, else when one comes (RFC 3261 9.1)."""
        machine = branch.client
        server = self._server
        if not isinstance(machine, InviteClient) or not machine.cancel(server.now()):
            return
        server.wheel_arm(machine)
        call: Call = branch.call  # type: ignore[assignment]
        data = compose_cancel(machine.sent, call.server.relay.cancel_reason(call))
        key = machine.key + b"\tCANCEL"
        canceler = PlainClient(key, machine.flow, machine.reliable, server.timers, None)
        canceler.sent = data
        server.clients.put(key, canceler)
        self.start(canceler)

    # time

    def expired(self, machine: Machine, effects: int) -> None:
        """A deadline of a machine passed; `effects` are what its timeout() gave."""
        if isinstance(machine, _SERVERS):
            self._server_effects(machine, effects)
            return
        if effects & SEND:
            self.send(machine.flow, machine.sent)  # type: ignore[arg-type]
        branch: Branch | None = machine.owner  # type: ignore[assignment]
        if effects & END:
            self.end_client(machine)
        elif machine.due:
            self._server.wheel_arm(machine)
        if effects & TIMEOUT and branch is not None:
            if not effects & END:
                self.cancel(branch)  # Timer C: RFC 3261 16.8
            self._server.deliver.local(branch, 408)

    def failed(self, machine: InviteClient | PlainClient) -> None:
        """The transport could not send the request: a 503 of the branch (RFC 3261 16.9)."""
        branch: Branch | None = machine.owner  # type: ignore[assignment]
        if not machine.failed():
            return
        self.end_client(machine)
        if branch is not None:
            self._server.deliver.local(branch, 503)


def request_line(request: Request) -> str:
    """The request line for a log, without control characters."""
    return f"{request.method[:40]} {printable(request.raw_uri)}"
