"""What becomes of responses: lanes, reply routes, the response context, failure routes (RFC 3261 16.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipexpress.server.context import Context
from sipexpress.server.kinds import FAILURE, REPLY
from sipexpress.sip.message import Response
from sipexpress.sip.status import reason as reason_of
from sipexpress.transaction.response_context import CANCEL, CHOOSE, RELAY, Branch

if TYPE_CHECKING:
    from sipexpress.server.call import Call
    from sipexpress.server.server import Server

LANE_LIMIT = 16


class Deliver:
    """Responses on their way from a client transaction to the server transaction."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def response(self, branch: Branch, response: Response) -> None:
        """A response of a branch, in the order of arrival."""
        call: Call = branch.call  # type: ignore[assignment]
        if call.context is None:
            return  # its transaction is over
        lane = branch.lane
        if lane is not None:
            if any(response.raw == waiting.raw for waiting in lane):
                return
            if len(lane) >= LANE_LIMIT:
                self._server.counters.note("lane_full")
                if response.status < 200 or lane[-1].status >= 200:
                    return
                lane.pop()  # a provisional one makes room for a final one, which may not come again
            lane.append(response)
        elif call.on_reply is not None:
            self._reply_route(call, branch, response)
        else:
            self.decide(call, branch, response.status, response)

    def _reply_route(self, call: Call, branch: Branch, response: Response) -> None:
        context = Context(self._server, call, REPLY, call.request, response, branch)
        branch.lane = []

        def done(context: Context, error: BaseException | None) -> None:
            if response.status >= 200 or not context.dropped:
                self.decide(call, branch, response.status, response)
            waiting, branch.lane = branch.lane, None
            if waiting:
                # The next ones see the lane empty again and take their turn one by one.
                for later in waiting:
                    self.response(branch, later)

        self._server.runs.start(call, call.on_reply, context, done)

    def local(self, branch: Branch, status: int) -> None:
        """A result of our own making: 408 or 503."""
        self.decide(branch.call, branch, status, None)  # type: ignore[arg-type]

    def decide(self, call: Call, branch: Branch, status: int, response: Response | None) -> None:
        """Ask the response context, and do as it says."""
        context = call.context
        if context is None:
            return
        if status < 200 and (call.canceled or context.sent or context.declined) and not branch.final:
            self._server.outbound.cancel(branch)  # the CANCEL that waited for this (RFC 3261 9.1)
        bits = context.receive(branch, status, response)
        if bits & RELAY and response is not None:
            self._relay(call, response)
        if bits & CANCEL:
            self.cancel_others(call, branch)
        if bits & CHOOSE:
            self.choose(call)

    def _relay(self, call: Call, response: Response) -> None:
        data = response.without_via()
        if data is None:
            self._server.counters.note("response_without_via")
            return
        self._server.outbound.upstream(call, response.status, data)
        if call.final and not call.running:
            self._server.trim(call)

    def cancel_others(self, call: Call, winner: Branch | None) -> None:
        """Cancel every branch that still waits (RFC 3261 16.7 step 10); what was not sent yet ends here."""
        if call.request.method != "INVITE" or call.context is None:
            return
        for branch in list(call.context.branches):
            if branch is winner or branch.final:
                continue
            if branch.starting is None:
                self._server.outbound.cancel(branch)
            else:
                self._server.relay.stop_starting(branch)

    def choose(self, call: Call) -> None:
        """Every branch is final: the failure route may try again, else the best response goes upstream."""
        handler = call.on_failure
        context = call.context
        if call.final or context is None:
            return
        if handler is None:
            self.settle(call)
            return
        call.on_failure = None  # SER: to be armed again for a second attempt
        best = context.best()
        request = call.request.copy()
        call.targets = ()
        run = Context(self._server, call, FAILURE, request, best.response if best else None, best)
        self._server.runs.start(call, handler, run, lambda context, error: self.settle(call))

    def settle(self, call: Call) -> None:
        """Send the best response upstream, unless something is pending again or was sent."""
        context = call.context
        if context is None or call.final or context.pending or call.machine is None:
            return
        best = context.best()
        if best is None:
            return
        outbound = self._server.outbound
        status = best.status
        response = best.response
        if call.canceled and response is None:
            status = 487
        if call.request.method != "INVITE" and response is None and status == 408:
            # RFC 4320 4.2: a 408 for a non-INVITE is of no use to anybody.
            machine = call.machine
            machine.abandon()
            outbound.end_server(machine)
            return
        if response is None or status == 503:
            # A 503 would stop the caller from using this server at all (16.7 step 6).
            status = 500 if status == 503 else status
            outbound.reply(call, status, reason_of(status), [], b"")
        else:
            for key, line in context.challenges(best) if status in (401, 407) else ():
                response.insert(len(response.keys), key, line)
            self._relay(call, response)
        if call.final and not call.running:
            self._server.trim(call)
