"""Running handlers: what happens when one ends, waits, raises or takes too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.python.failure import Failure

from sipexpress.server.context import Context
from sipexpress.server.kinds import NAMES, REQUEST
from sipexpress.server.outbound import request_line
from sipexpress.transaction.effects import NOTHING
from sipexpress.transaction.wheel import Timed

if TYPE_CHECKING:
    from sipexpress.server.call import Call
    from sipexpress.server.server import Server


class Waiting(Timed):
    """A handler run that waits, and its time limit."""

    __slots__ = ("counted", "run", "why")

    def __init__(self) -> None:
        self.due = 0.0
        self.armed = 0
        self.run: Any = None
        self.counted = False
        """Whether it is one of the request routes that the pending table counts."""
        self.why = ""
        """Why the server ended it; empty when it was not the server."""

    def cancel(self, why: str) -> None:
        """End the run."""
        run = self.run
        if run is not None:
            self.why = why
            run.cancel(why)

    def timeout(self, now: float) -> int:
        """The run has waited too long: first it may clean up, a second later it is closed."""
        self.due = now + 1.0
        self.cancel("limit")
        return NOTHING


class Runs:
    """Starts handlers and looks after the ones that wait."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._waiting: set[Waiting] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def start(
        self,
        call: Call,
        handler: object | None,
        context: Context,
        done: Callable[[Context, BaseException | None], None],
    ) -> None:
        """Run a handler, then `done` with its context, and None or what ended it.

        An exception is logged and answered 500; it harms no other call.
        """
        call.running += 1
        context.then = done
        try:
            run = self._server.routes.run(handler, context, self._waited)
        except Exception as error:
            self._ended(context, error, "")
            done(context, error)
            return
        if run is None:
            call.running -= 1
            done(context, None)
            return
        waiting = context.waiting = Waiting()
        waiting.run = run
        self._waits(context, waiting)

    def _waited(self, context: Context, error: BaseException | None) -> None:
        """A run that has waited is over."""
        waiting = context.waiting
        context.waiting = None
        why = ""
        if waiting is not None:
            why = waiting.why
            waiting.run = None
            waiting.due = 0.0
            self._waiting.discard(waiting)
        self._ended(context, error, why)
        context.then(context, error)
        if waiting is not None and waiting.counted:
            self._server.pending.ended(context.call)

    def _waits(self, context: Context, waiting: Waiting) -> None:
        server = self._server
        call = context.call
        self._waiting.add(waiting)
        waiting.due = server.now() + server.settings.route_timeout
        if context.kind == REQUEST:
            if server.pending.full(call.source.address[0]):
                server.counters.note("pending_full")
                if call.context is None:  # else a branch will bring the answer
                    server.outbound.refuse(call)
                waiting.due = server.now() + 1.0
                server.wheel_arm(waiting)
                waiting.cancel("overload")
                return
            waiting.counted = True
            server.pending.enter(call)
            if call.machine is not None and call.request.method == "INVITE":
                server.outbound.trying(call)
        server.wheel_arm(waiting)

    def _ended(self, context: Context, error: BaseException | None, why: str) -> None:
        server = self._server
        call = context.call
        call.running -= 1
        if error is None:
            return
        if why == "limit":
            server.counters.note("route_timeout")
            server.log.error(
                "a {kind} took longer than {limit} s and was ended: {line} (Call-ID {call_id})",
                kind=NAMES[context.kind],
                limit=server.settings.route_timeout,
                line=request_line(context.msg),
                call_id=call.call_id,
            )
        elif not why:
            server.counters.note("route_errors")
            server.log.failure(
                "{kind} failed: {line} (Call-ID {call_id})",
                Failure(error),
                kind=NAMES[context.kind],
                line=request_line(context.msg),
                call_id=call.call_id,
            )
        if context.kind == REQUEST and not call.final and not (call.context and call.context.pending):
            server.outbound.reply(call, 500, "Server Internal Error", [], b"")

    def stop(self) -> None:
        """The server stops: end every waiting handler, by a second call where the first leaves it waiting."""
        for waiting in [*self._waiting, *self._waiting]:
            waiting.cancel("shutdown")
