"""From received bytes to a transaction, a handler, or nothing (RFC 3261 16.3, 17.2.3, 18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipexpress.errors import MessageError, ParseError
from sipexpress.server.call import Call
from sipexpress.server.context import Context
from sipexpress.server.kinds import REQUEST
from sipexpress.server.outbound import request_line
from sipexpress.server.pending import Pending
from sipexpress.sip.check import defect
from sipexpress.sip.compose import compose_reply, received_via
from sipexpress.sip.message import Request, Response, parse_message
from sipexpress.sip.uri import Uri
from sipexpress.sip.via import Via, branch_of
from sipexpress.transaction.effects import DELIVER
from sipexpress.transaction.invite_server import PROCEEDING, InviteServer
from sipexpress.transaction.keys import server_key
from sipexpress.transaction.response_context import Branch

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
        top = response.header("via")
        key = None if top is None else branch_of(top)
        try:
            method = response.cseq.method
        except ParseError:
            server.counters.note("malformed")
            return
        if key is None:
            server.counters.note("stray_responses")
            return
        machine = server.clients.get(key + b"\tCANCEL" if method == "CANCEL" else key)
        if machine is None:
            server.relay.stateless_response(response, key, flow)
            return
        # A reply is taken only from the socket (or connection) its request left by.
        left_by: Flow = machine.flow  # type: ignore[assignment]
        if flow.socket is not left_by.socket or (flow.reliable and flow is not left_by):
            server.counters.note("misdirected_responses")
            return
        response.flow = flow
        branch: Branch | None = machine.owner  # type: ignore[assignment]
        if server.outbound.received(machine, response) and branch is not None:
            server.deliver.response(branch, response)

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
        if server.servers.full or server.draining:
            server.counters.note("transactions_full")
            server.outbound.refuse(call)
            return
        if method == "OPTIONS" and server.answers_options and self._to_server(request):
            server.outbound.reply(call, 200, "OK", server.options_lines, b"")
            return
        self._route(call)

    def _route(self, call: Call) -> None:
        context = Context(self._server, call, REQUEST, call.request)
        self._server.runs.start(call, None, context, self._routed)

    def _routed(self, context: Context, error: BaseException | None) -> None:
        """The request route has ended."""
        call = context.call
        if not call.acted and call.request.method != "ACK" and not call.canceled:
            self._server.counters.note("unfinished_routes")
            self._server.log.warn(
                "route() ended without replying to, forwarding or dropping {line} (Call-ID {call_id})",
                line=request_line(call.request),
                call_id=call.call_id,
            )
        machine = call.machine
        if machine is not None and call.final:
            self._server.trim(call)

    def _mend_via(self, request: Request, via: Via, flow: Flow) -> Flow:
        """Write received and rport into the top Via (RFC 3261 18.2.1, RFC 3581); give the reply's flow."""
        host, port = flow.address
        rport = via.rport
        if rport is not None or via.host.lower() != host or via.received is not None:
            request.replace_first("via", received_via(request, host, port if rport is not None else None))
        if flow.reliable or rport is not None or port == (via.port or 5060):
            return flow
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
        if request.has_header("route"):
            return False
        uri = request.uri
        return isinstance(uri, Uri) and uri.user is None and self._server.is_myself(uri.host, uri.port)

    # ACK and CANCEL

    def _ack(self, request: Request, via: Via, flow: Flow, reply_flow: Flow) -> None:
        server = self._server
        machine = server.servers.get(server_key(request, via, True))
        if isinstance(machine, Pending):
            return
        if isinstance(machine, InviteServer):
            effects = machine.ack(server.now())
            if machine.due:
                server.wheel_arm(machine)
            elif not effects & DELIVER:
                server.outbound.end_server(machine)
            if not effects & DELIVER:
                return
        if self._acks:
            own = self._acks.pop((request.call_id, request.from_tag, request.cseq.number), None)
            if own is not None:
                own.acknowledged()
                return
        to_tag = request.to_tag
        if to_tag is not None and to_tag == server.local_tag(request):
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
        server.relay.stop_starting(call)
        server.deliver.cancel_others(call, None)

    def _same_hop(self, call: Call, request: Request, flow: Flow) -> bool:
        """Only the hop that sent the INVITE may cancel it, and only that very INVITE (RFC 3261 9.1)."""
        if flow.address[0] != call.source.address[0] or (flow.reliable and flow is not call.source):
            return False
        if call.final:
            return True
        invite = call.request
        return (
            invite.call_id == request.call_id
            and invite.cseq.number == request.cseq.number
            and invite.from_tag == request.from_tag
        )
