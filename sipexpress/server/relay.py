"""Forwarding requests statefully: the server transaction and its branches (RFC 3261 16.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sipexpress.server.call import MAX_BRANCHES, Call, Target
from sipexpress.server.context import Context
from sipexpress.server.kinds import BRANCH
from sipexpress.server.nexthop import Hop, live, next_hop
from sipexpress.sip.compose import compose_ack
from sipexpress.sip.message import Request, Response
from sipexpress.transaction.invite_client import InviteClient
from sipexpress.transaction.invite_server import InviteServer
from sipexpress.transaction.plain_client import PlainClient
from sipexpress.transaction.plain_server import PlainServer
from sipexpress.transaction.response_context import Branch, ResponseContext

if TYPE_CHECKING:
    from sipexpress.server.server import Server
    from sipexpress.transport.flow import Flow


class Relay:
    """The forwarding part of the desk."""

    def __init__(self, server: Server) -> None:
        self._server = server

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
        hops = self._hops(targets)
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
            branch = Branch(call, len(context.branches), target.uri)
            context.branches.append(branch)
            started.append((branch, target, hop))
        for branch, target, hop in started:
            if call.on_branch is None:
                self._locate(call, branch, request, target.flow, hop)
            else:
                self._branch_route(call, branch, request, target)
        return True

    def _hops(self, targets: Sequence[Target]) -> list[tuple[Target, Hop]]:
        hops: list[tuple[Target, Hop]] = []
        seen: list[tuple[bytes, bytes | None]] = []
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

    def _branch_route(self, call: Call, branch: Branch, request: Request, target: Target) -> None:
        """Run the branch route on a copy of its own, which may change the target."""
        copy = request.copy()
        copy.raw_uri = target.uri
        copy.dst_uri = target.dst_uri
        copy.flow = target.flow
        branch.starting = self
        context = Context(self._server, call, BRANCH, copy, None, branch)

        def done(context: Context, error: BaseException | None) -> None:
            branch.starting = None
            if branch.final:
                return
            if error is not None:
                self._server.deliver.local(branch, 500)
                return
            if context.dropped:
                self._server.deliver.local(branch, 487)
                return
            hop = next_hop(copy.raw_uri, copy.dst_uri)
            if hop is None:
                self._server.counters.note("bad_targets")
                self._server.deliver.local(branch, 479)
                return
            branch.uri = copy.raw_uri
            self._locate(call, branch, copy, copy.flow, hop)

        self._server.runs.start(call, call.on_branch, context, done)

    def _locate(self, call: Call, branch: Branch, request: Request, flow: object | None, hop: Hop) -> None:
        """Find the address of a target. The request is not changed, and copied where that takes time."""
        if flow is not None and live(flow):
            self._transmit(call, branch, request, flow)  # type: ignore[arg-type]
            return
        answer = hop.locate(self._server.resolver)
        if isinstance(answer, list):
            self._send_to(call, branch, request, answer)
            return
        branch.starting = answer
        copy = request.copy()

        def found(places: list[tuple[str, str, int]]) -> None:
            branch.starting = None
            if not branch.final:
                self._send_to(call, branch, copy, places)

        def lost(failure: object) -> None:
            branch.starting = None
            self._server.counters.note("unresolved")
            if not branch.final:
                self._server.deliver.local(branch, 478)

        answer.addCallbacks(found, lost)

    def _send_to(self, call: Call, branch: Branch, request: Request, places: list[tuple[str, str, int]]) -> None:
        for protocol, host, port in places:
            flow = self._server.network.flow_to(protocol, (host, port), request.send_socket or call.source.socket)
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
        if server.clients.full():
            server.counters.note("clients_full")
            server.deliver.local(branch, 503)
            return
        key = server.secret.branch()
        kind = InviteClient if request.method == "INVITE" else PlainClient
        machine = kind(key, flow, flow.reliable, server.timers, branch)
        machine.sent = server.outbound.forwarded(call, request, branch.uri, flow, key)
        branch.client = machine
        server.clients.put(key, machine)
        server.outbound.start(machine)

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
