"""From received bytes to a transaction, a handler, or nothing (RFC 3261 16.3, 17.2.3, 18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sipexpress.errors import MessageError, ParseError
from sipexpress.server.call import Call
from sipexpress.server.context import Context
from sipexpress.server.kinds import REQUEST
from sipexpress.server.loops import looped
from sipexpress.server.outbound import request_line
from sipexpress.server.pending import Pending
from sipexpress.server.secret import TAG_LENGTH
from sipexpress.sip.check import defect
from sipexpress.sip.compose import compose_reply, received_via
from sipexpress.sip.headers import COMMA
from sipexpress.sip.message import Request, Response, parse_message
from sipexpress.sip.routeset import Route
from sipexpress.sip.uri import Uri
from sipexpress.sip.via import Via, branch_of
from sipexpress.transaction.effects import DELIVER, END
from sipexpress.transaction.invite_server import PROCEEDING, InviteServer
from sipexpress.transaction.keys import server_key
from sipexpress.transaction.response_context import Branch
from sipexpress.transport.resolve import numeric

if TYPE_CHECKING:
    from sipexpress.server.server import Server
    from sipexpress.transport.flow import Flow

ACK_LIMIT = 100_000


class Inbound:
    """The receiving half of the desk."""

    def __init__(self, server: Server) -> None:
        self._server = server
        # INVITEs that this server answered 2xx itself, until their ACK comes (RFC 3261 13.3.1.4).
        self._acks: dict[tuple[bytes, bytes | None, int], InviteServer] = {}

    def received(self, data: bytes, flow: Flow) -> None:
        """One message from a transport."""
        try:
            message = parse_message(data)
        except MessageError as error:
            self._server.counters.note("malformed")
            self._server.log.debug("malformed message from {peer}: {error}", peer=flow.address, error=error)
            return
        if type(message) is Response:
            self.response(message, flow)
        else:
            self.request(message, flow)  # type: ignore[arg-type]

    # responses

    def response(self, response: Response, flow: Flow) -> None:
        """Match a response to its client transaction (RFC 3261 17.1.3)."""
        server = self._server
        top = response.line("via")
        key = None if top is None else branch_of(top)
        try:
            method = response.cseq.method
        except ParseError:
            server.counters.note("malformed")
            return
        if key is None or (server.settings.check_via and not self._via_is_ours(response)):
            server.counters.note("stray_responses")
            return
        machine = server.clients.get(key + b"\tCANCEL" if method == "CANCEL" else key)
        if machine is None:
            server.stateless.response(response, key, flow)
            return
        # A reply is taken only from the socket (or connection) its request left by.
        left_by: Any = machine.flow
        if flow.socket is not left_by.socket or (flow.reliable and flow is not left_by and not _again(flow, left_by)):
            server.counters.note("misdirected_responses")
            return
        response.flow = flow
        branch: Branch | None = machine.owner  # type: ignore[assignment]
        if branch is not None and response.keys.count("via") < 2 and COMMA not in top:  # type: ignore[operator]
            server.counters.note("stray_responses")  # it could go nowhere, and would leave its caller without an end
            return
        if server.outbound.received(machine, response) and branch is not None:
            server.deliver.response(branch, response)

    def _via_is_ours(self, response: Response) -> bool:
        try:
            via = response.via
        except ParseError:
            return False
        return self._server.is_myself(via.host, via.port)

    # requests

    def request(self, request: Request, flow: Flow) -> None:
        """A request: absorbed by its transaction, or handed to the request route."""
        server = self._server
        why = defect(request)
        if why is not None:
            self._malformed(request, flow, why)
            return
        via = request.via
        reply_flow = self._mend_via(request, via, flow)
        method = request.method
        if method == "ACK":
            self._ack(request, via, flow, reply_flow)
            return
        if method == "CANCEL":
            self._cancel(request, via, flow, reply_flow)
            return
        key = server_key(request, via, False)
        known = server.servers.get(key)
        if known is not None:
            if isinstance(known, Pending):
                known.request(server.now())
            else:
                server.outbound.server_again(known)
            return
        call = Call(server, request, flow, reply_flow, key)
        if server.servers.full() or server.draining:
            server.counters.note("transactions_full")
            server.outbound.refuse(call)
            return
        if (via.more or request.keys.count("via") > 1) and looped(server, request, flow):
            server.counters.note("loops")
            server.outbound.reply(call, 482, "Loop Detected", [], b"")
            return
        if method == "OPTIONS" and server.answers_options and self._to_server(request):
            server.outbound.reply(call, 200, "OK", server.options_lines, b"")
            return
        self._route(call)

    def _route(self, call: Call) -> None:
        self._server.runs.start(call, None, Context(self._server, call, REQUEST, call.request), self._routed)

    def _routed(self, context: Context, error: BaseException | None) -> None:
        """The request route has ended."""
        call = context.call
        machine = call.machine
        left = machine is not None and not call.final and call.context is None
        if left or context.dropped or not call.acted:
            self._undone(context, left)
        elif machine is not None and call.final:
            self._server.trim(call)

    def _undone(self, context: Context, left: bool) -> None:
        """The request route has done nothing, or has dropped the request, or has `left` its transaction unused."""
        call = context.call
        method = call.request.method
        if method in ("ACK", "CANCEL"):  # those of a transaction never come here
            self._server.counters.note("dropped_acks" if method == "ACK" else "dropped_cancels")
        if (left or not call.acted) and not context.dropped and method != "ACK" and not call.canceled:
            self._server.counters.note("unfinished_routes")
            self._server.log.warn(
                "route() ended without replying to, forwarding or dropping {line} (Call-ID {call_id})",
                line=request_line(call.request),
                call_id=call.call_id,
            )
        machine = call.machine
        if left and machine is not None:  # SER: a transaction that t_newtran made and nobody used
            machine.abandon()
            self._server.outbound.end_server(machine)

    def _mend_via(self, request: Request, via: Via, flow: Flow) -> Flow:
        """Write received and rport into the top Via (RFC 3261 18.2.1, RFC 3581); give the reply's flow."""
        host, port = flow.address
        rport = via.rport
        if rport is not None or via.host.lower() != host or via.received is not None:
            request.replace_first("via", received_via(request, host, port if rport is not None else None))
        if flow.reliable:
            stream: Any = flow
            stream.reply_port = via.port or 5060  # where a reply goes once the connection is gone (18.2.2)
            return flow
        to_via = self._server.settings.reply_to_via
        if rport is not None or (port == (via.port or 5060) and not to_via):
            return flow
        if to_via:
            host = numeric(via.host) or host
        return flow.socket.flow_to((host, via.port or 5060))

    def _malformed(self, request: Request, flow: Flow, why: str) -> None:
        """Answer 400 when that is safe: a request with what a reply has to copy (RFC 3261 8.2.6.2)."""
        server = self._server
        server.counters.note("malformed")
        if not server.settings.respond_to_malformed or request.method == "ACK":
            return
        if any(len(request.header_values(key)) != 1 for key in ("from", "to", "call-id", "cseq")):
            return
        try:
            reply_flow = self._mend_via(request, request.via, flow)
        except ParseError:
            return
        data = compose_reply(request, 400, f"Bad Request ({why})", server.local_tag(request), server.reply_lines)
        server.outbound.send(reply_flow, data)

    def _to_server(self, request: Request) -> bool:
        """Whether the Request-URI names this server and no user, and a Route leads nowhere else."""
        uri = request.uri
        is_myself = self._server.is_myself
        if not isinstance(uri, Uri) or uri.user is not None or not is_myself(uri.host, uri.port):
            return False
        try:
            routes = [Route(item) for item in request.header_list("route")]
        except ParseError:
            return False
        return all(route.host is not None and is_myself(route.host, route.port) for route in routes)

    # ACK and CANCEL

    def _ack(self, request: Request, via: Via, flow: Flow, reply_flow: Flow) -> None:
        server = self._server
        machine = server.servers.get(server_key(request, via, True))
        if isinstance(machine, Pending):
            return
        if isinstance(machine, InviteServer):
            effects = machine.ack(server.now())
            if effects & END:
                server.outbound.end_server(machine)
            elif machine.due:
                server.wheel_arm(machine)
            if not effects & DELIVER:
                return
        if self._acks:
            own = self._acks.pop((request.call_id, request.from_tag, request.cseq.number), None)
            if own is not None:
                own.acknowledged()
                return
        to_tag = request.to_tag
        if to_tag is not None and len(to_tag) == TAG_LENGTH and to_tag == server.local_tag(request):
            return  # for a stateless failure of ours (SER's sl filter)
        self._route(Call(server, request, flow, reply_flow, b""))

    def expect_ack(self, call: Call) -> None:
        """This server answered the INVITE of `call` with a 2xx and sends that until the ACK comes."""
        if len(self._acks) < ACK_LIMIT and isinstance(call.machine, InviteServer):
            request = call.request
            self._acks[request.call_id, request.from_tag, request.cseq.number] = call.machine

    def forget_ack(self, call: Call) -> None:
        """The transaction of `call` is over."""
        if self._acks:
            request = call.request
            self._acks.pop((request.call_id, request.from_tag, request.cseq.number), None)

    def _cancel(self, request: Request, via: Via, flow: Flow, reply_flow: Flow) -> None:
        """RFC 3261 9.2, 16.10: answered 200 and fanned out; without a transaction, a matter of the route."""
        server = self._server
        known = server.servers.get(server_key(request, via, True))
        call: Call | None = None
        if isinstance(known, Pending):
            call = known.call
        elif isinstance(known, InviteServer):
            call = known.owner  # type: ignore[assignment]
        if call is None:
            self._route(Call(server, request, flow, reply_flow, b""))
            return
        if not self._same_hop(call, request, flow):
            server.counters.note("foreign_cancels")
            return
        server.outbound.reply(Call(server, request, flow, reply_flow, b""), 200, "OK", [], b"")
        if call.final or call.canceled:
            return
        call.canceled = True
        call.acted = True
        call.cancel_reasons = request.header_values("reason")[:4]
        context = call.context
        if isinstance(known, InviteServer) and known.state != PROCEEDING:
            return
        if context is None or not context.pending:
            # No branch can bring the 487: the handler still waits, or a failure route does.
            server.relay.begin(call)
            server.outbound.reply(call, 487, "Request Terminated", [], b"")
            return
        server.deliver.cancel_others(call, None)

    def _same_hop(self, call: Call, request: Request, flow: Flow) -> bool:
        """Only the hop that sent the INVITE may cancel it, and only that very INVITE (RFC 3261 9.1)."""
        source: Any = call.source
        if flow.address[0] != source.address[0]:
            return False
        if flow.reliable and flow is not source and (not source.reliable or source.connected):
            return False
        if call.final:
            return True
        invite = call.request
        return (
            invite.call_id == request.call_id
            and invite.cseq.number == request.cseq.number
            and invite.from_tag == request.from_tag
        )


def _again(flow: Flow, left_by: Any) -> bool:
    """Whether the peer of a closed connection has made another one (RFC 3261 18.2.2)."""
    return not left_by.connected and flow.address[0] == left_by.address[0]
