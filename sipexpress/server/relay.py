"""Forwarding requests: t_relay's transactions and branches, and stateless forwarding (RFC 3261 16.6, 16.11)."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest
from typing import TYPE_CHECKING

from sipexpress.errors import ParseError
from sipexpress.server.call import MAX_BRANCHES, Call, Target, sent_by
from sipexpress.server.context import Context
from sipexpress.server.kinds import BRANCH
from sipexpress.server.nexthop import Hop, live, next_hop
from sipexpress.sip.compose import compose_ack, received_via
from sipexpress.sip.message import Request, Response
from sipexpress.sip.via import Via
from sipexpress.transaction.invite_client import InviteClient
from sipexpress.transaction.invite_server import InviteServer
from sipexpress.transaction.plain_client import PlainClient
from sipexpress.transaction.plain_server import PlainServer
from sipexpress.transaction.response_context import Branch, ResponseContext

if TYPE_CHECKING:
    from sipexpress.server.server import Server
    from sipexpress.transport.flow import Flow
    from sipexpress.transport.listen import Socket

_STATELESS = b"z9hG4bKsx."
_STATELESS_ACK = b"z9hG4bKsa."
_TOKEN = 12
"""The token in a stateless branch: 8 hex digits for the Request-URI, 4 for the socket the request came to."""


class Relay:
    """The forwarding part of the desk."""

    def __init__(self, server: Server) -> None:
        self._server = server

    # stateful

    def begin(self, call: Call) -> InviteServer | PlainServer | None:
        """Make the server transaction of a call, or give the one it has; None for ACK, CANCEL and when ended."""
        if call.machine is not None:
            return call.machine
        method = call.request.method
        if call.final or not call.key or method in ("ACK", "CANCEL"):
            return None
        server = self._server
        flow = call.flow
        kind = InviteServer if method == "INVITE" else PlainServer
        machine = kind(call.key, flow, flow.reliable, server.timers, call)
        call.machine = machine
        pending = call.pending
        trying = 0.0
        if pending is not None:
            machine.sent = pending.sent
            trying = pending.due
            server.pending.leave(call, keep_key=True)
            server.servers.swap(call.key, machine)
        else:
            server.servers.put(call.key, machine)
        if isinstance(machine, PlainServer) and not call.status:
            machine.begin(server.now())
            if machine.due:
                machine.due = trying or machine.due  # the 100 is due by the arrival of the request
                server.wheel_arm(machine)
        return machine

    def relay(self, call: Call, request: Request, targets: Sequence[Target]) -> bool:
        """Forward `request` to all `targets` at once; True when one at least is well formed and allowed."""
        server = self._server
        if call.canceled or call.final:
            return False
        hops = self._hops(request, targets)
        if not hops:
            call.error = 479
            return False
        if call.context is not None and len(call.context.branches) + len(hops) > MAX_BRANCHES:
            server.counters.note("branches_full")
            call.error = 500
            return False
        if self.begin(call) is None:
            return False
        call.acted = True
        if request.method == "INVITE":
            server.outbound.trying(call)
        context = call.context
        if context is None:
            context = call.context = ResponseContext(request.method == "INVITE")
        context.declined = False
        started = []
        for target, hop in hops:
            copy = request.copy()
            copy.raw_uri = target.uri
            copy.dst_uri = target.dst_uri
            copy.flow = target.flow
            branch = Branch(call, len(context.branches), target.uri)
            context.branches.append(branch)
            started.append((branch, copy, hop))
        for branch, copy, hop in started:
            self._start(call, branch, copy, hop)
        return True

    def _hops(self, request: Request, targets: Sequence[Target]) -> list[tuple[Target, Hop]]:
        hops = []
        seen = []
        for target in targets:
            identity = (target.uri, target.dst_uri)
            if identity in seen:
                continue
            seen.append(identity)
            hop = next_hop(target.uri, target.dst_uri)
            if hop is None:
                self._server.counters.note("bad_targets")
            else:
                hops.append((target, hop))
        return hops

    def _start(self, call: Call, branch: Branch, request: Request, hop: Hop) -> None:
        """Run the branch route, then find the target's address."""
        if call.on_branch is None:
            self._locate(call, branch, request, hop)
            return
        branch.starting = self
        context = Context(self._server, call, BRANCH, request, None, branch)

        def done(context: Context, error: BaseException | None) -> None:
            branch.starting = None
            if branch.final:
                return
            if error is not None:
                self._server.deliver.local(branch, 500)
            elif context.dropped:
                self._server.deliver.local(branch, 487)
            else:
                self._rerouted(call, branch, request)

        self._server.runs.start(call, call.on_branch, context, done)

    def _rerouted(self, call: Call, branch: Branch, request: Request) -> None:
        """The branch route may have changed the target."""
        hop = next_hop(request.raw_uri, request.dst_uri)
        if hop is None:
            self._server.counters.note("bad_targets")
            self._server.deliver.local(branch, 479)
        else:
            self._locate(call, branch, request, hop)

    def _locate(self, call: Call, branch: Branch, request: Request, hop: Hop) -> None:
        if request.flow is not None and live(request.flow):
            self._transmit(call, branch, request, request.flow)  # type: ignore[arg-type]
            return
        answer = self._server.resolver.locate(*hop)
        if isinstance(answer, list):
            self._send_to(call, branch, request, answer)
            return
        branch.starting = answer

        def found(targets: list[tuple[str, str, int]]) -> None:
            branch.starting = None
            if not branch.final:
                self._send_to(call, branch, request, targets)

        def lost(failure: object) -> None:
            branch.starting = None
            self._server.counters.note("unresolved")
            if not branch.final:
                self._server.deliver.local(branch, 478)

        answer.addCallbacks(found, lost)

    def _send_to(self, call: Call, branch: Branch, request: Request, targets: list[tuple[str, str, int]]) -> None:
        for protocol, host, port in targets:
            flow = self._server.flow_to(protocol, host, port, request.send_socket or call.source.socket)
            if flow is not None:
                self._transmit(call, branch, request, flow)
                return
        self._server.counters.note("no_socket")
        self._server.deliver.local(branch, 477)

    def _transmit(self, call: Call, branch: Branch, request: Request, flow: Flow) -> None:
        if call.canceled or call.context is None:
            if not branch.final:
                self._server.deliver.local(branch, 487)
            return
        server = self._server
        if server.clients.full:
            server.counters.note("clients_full")
            server.deliver.local(branch, 503)
            return
        key = server.secret.branch()
        kind = InviteClient if request.method == "INVITE" else PlainClient
        machine = kind(key, flow, flow.reliable, server.timers, branch)
        machine.sent = self._outgoing(call, request, flow, key)
        branch.client = machine
        server.clients.put(key, machine)
        server.outbound.start(machine)

    def _outgoing(self, call: Call, request: Request, flow: Flow, branch: bytes) -> bytes:
        """The bytes that leave: with our Via on top, and Record-Route for the socket it leaves by."""
        if flow.reliable and not request.has_header("content-length"):
            request.set("Content-Length", b"%d" % len(request.body))
        record = request.record
        if record is not None and flow.socket is not call.source.socket:
            record.leave_by(request, flow.socket)
        via = flow.socket.via
        if call.advertised is not None:
            via = via.replace(flow.socket.sent_by, sent_by(flow.socket, call.advertised))
        return request.to_bytes(b"".join((via, branch, b";rport")))

    def stop_starting(self, branch: Branch) -> None:
        """End a branch whose request has not been sent yet."""
        starting = branch.starting
        branch.starting = None
        self._server.deliver.local(branch, 487)
        if starting is not None and starting is not self:
            starting.cancel()  # type: ignore[attr-defined]

    def cancel_reason(self, call: Call) -> list[bytes]:
        """The Reason lines of a CANCEL for a branch (RFC 3326)."""
        if call.canceled:
            return [b"Reason: " + value for value in call.cancel_reasons]
        if call.final and call.final < 300:
            return [b'Reason: SIP;cause=200;text="Call completed elsewhere"']
        return []

    def ack_for(self, sent: bytes, response: Response) -> bytes:
        """The ACK for a failure of the INVITE `sent`."""
        return compose_ack(sent, response)

    # stateless

    def forward(self, call: Call, request: Request, target: Target, *, confirmed: bool = False) -> bool:
        """Forward without a transaction (RFC 3261 16.11). True when the target is well formed.

        `confirmed`: the ACK for a 2xx. Any other ACK gets the branch that its INVITE got, or the next hop would not
        find the transaction that it ends.
        """
        server = self._server
        hop = next_hop(target.uri, target.dst_uri)
        if hop is None:
            call.error = 479
            return False
        call.acted = True
        copy = request.copy()
        copy.raw_uri = target.uri
        if call.source.reliable and not confirmed:
            # The response has to find the connection, whatever the caller wrote into its Via.
            copy.replace_first("via", received_via(copy, *call.source.address))
        if target.flow is not None and live(target.flow):
            self._forward_to(call, copy, target.flow, confirmed)  # type: ignore[arg-type]
            return True
        answer = server.resolver.locate(*hop)
        if isinstance(answer, list):
            return self._forward_first(call, copy, answer, confirmed)
        answer.addCallbacks(
            lambda targets: self._forward_first(call, copy, targets, confirmed),
            lambda _: server.counters.note("unresolved"),
        )
        return True

    def _forward_first(
        self, call: Call, request: Request, targets: list[tuple[str, str, int]], confirmed: bool
    ) -> bool:
        for protocol, host, port in targets:
            flow = self._server.flow_to(protocol, host, port, request.send_socket or call.source.socket)
            if flow is not None:
                self._forward_to(call, request, flow, confirmed)
                return True
        self._server.counters.note("no_socket")
        call.error = 477
        return False

    def _forward_to(self, call: Call, request: Request, flow: Flow, confirmed: bool) -> None:
        if confirmed:
            # Nothing comes back: the branch only has to be the same for each retransmission.
            branch = _STATELESS_ACK + self._server.secret.hop(request.header("via") or b"", request.raw_uri)
            self._server.outbound.send(flow, self._outgoing(call, request, flow, branch))
            return
        previous = Via.parse(request.header_values("via")[0])
        token = self._server.secret.hop(request.raw_uri)[:8] + self._socket_token(call.source.socket)
        branch = self._stateless_branch(request, previous, token)
        self._server.outbound.send(flow, self._outgoing(call, request, flow, branch))

    def _socket_token(self, socket: Socket) -> bytes:
        return self._server.secret.hop(b"socket", str(socket).encode())[:4]

    def _stateless_branch(self, message: Request | Response, previous: Via, token: bytes) -> bytes:
        """The same for every retransmission, and checkable on the response: it carries all of the parts,
        the place that the response goes back to among them.
        """
        mac = self._server.secret.hop(
            token,
            _bytes(previous.branch),
            _bytes(previous.transport),
            _bytes(previous.host.lower()),
            _bytes(previous.port),
            _bytes(previous.received),
            _bytes(previous.rport),
            message.call_id,
            message.from_tag or b"",
            b"%d" % message.cseq.number,
        )
        return b"".join((_STATELESS, token, b".", mac))

    def stateless_response(self, response: Response, key: bytes, flow: Flow) -> None:
        """A response without transaction: only one to our own stateless forwarding goes on (16.11)."""
        server = self._server
        if not key.startswith(_STATELESS):
            server.counters.note("stray_responses")
            return
        data = response.without_via()
        vias = response.header_list("via")
        if data is None or len(vias) < 2:
            server.counters.note("stray_responses")
            return
        token = key[len(_STATELESS) :][:_TOKEN]
        try:
            via = Via.parse(vias[1])
            if not compare_digest(key, self._stateless_branch(response, via, token)):
                server.counters.note("stray_responses")
                return
        except ParseError:
            server.counters.note("malformed")
            return
        host = via.received or via.host
        rport = via.rport
        port = int(rport) if rport and rport.isascii() and rport.isdigit() else via.port or 5060
        # By the socket that the request came to, where that still is.
        own = [socket for socket in server.sockets if self._socket_token(socket) == token[8:]]
        answer = server.resolver.locate(host.strip("[]"), port, via.transport.lower(), False)
        if isinstance(answer, list):
            for protocol, address, number in answer:
                back = server.flow_to(protocol, address, number, own[0] if own else flow.socket)
                if back is not None:
                    server.outbound.send(back, data)
                    return
        server.counters.note("unroutable_responses")


def _bytes(part: str | int | None) -> bytes:
    return b"" if part is None else str(part).encode("utf-8", "surrogateescape")
