"""tm: transactions, forking, reply, failure and branch routes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar

import attrs
from zope.interface import implementer

from sipexpress.errors import RouteError
from sipexpress.interfaces import IModule
from sipexpress.routing.handlers import handler_of
from sipexpress.routing.marks import allowed
from sipexpress.routing.use import Functions, ModuleBase
from sipexpress.server.call import Target
from sipexpress.server.kinds import BRANCH, FAILURE, REPLY, REQUEST
from sipexpress.server.parameters import code_of, seconds, switch
from sipexpress.transaction.machine import Machine
from sipexpress.transaction.timers import Timers

Handler = Callable[[], Any] | str | None


@lru_cache(256)
def _pattern(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.IGNORECASE)


class TmFunctions(Functions):
    """What routes call as ``self.tm``."""

    __slots__ = ()

    @allowed(REQUEST | FAILURE)
    def t_relay(self) -> bool:
        """Forward the request statefully to all targets at once (RFC 3261 16.6; SER tm).

        In the request route the targets are the Request-URI and what append_branch or lookup
        added; in a failure route only what was added since it began. An INVITE is answered
        100 at once. An ACK, or a CANCEL without transaction, is forwarded without one.
        Name look-ups and transport errors become the result of their branch. Does not wait.

        True when at least one target is well formed. False otherwise, when the caller has
        canceled, and when a final reply was sent; sl_reply_error() knows which.
        """
        ctx = self.ctx
        call = ctx.call
        msg = ctx.msg
        targets = call.targets
        call.targets = ()
        if ctx.kind == REQUEST:
            first = Target(msg.raw_uri, msg.dst_uri, None, msg.flow)
            if msg.method in ("ACK", "CANCEL"):
                # The ACK for a failure has ended with the transaction, where there was one.
                return bool(ctx.server.stateless.forward(call, msg, first, confirmed=msg.method == "ACK"))
            if call.context is not None:
                return False
            targets = (first, *targets)
        elif not targets:
            ctx.server.log.warn(
                "t_relay() has no target in a failure_route: append_branch() comes first (Call-ID {call_id})",
                call_id=call.call_id,
            )
        return bool(targets) and ctx.server.relay.relay(call, msg, targets)

    @allowed(REQUEST)
    def t_newtran(self) -> bool:
        """Make the transaction of the request without forwarding it; t_reply or t_relay follow (SER tm).

        When none of them has followed by the end of the route, the transaction ends with it.
        False for an ACK or CANCEL, and when the request was answered already. Does not wait.
        """
        return self.ctx.server.relay.begin(self.ctx.call) is not None

    @allowed(REQUEST | FAILURE)
    def t_reply(self, code: int | str, reason: str = "") -> bool:
        """Answer the request through its transaction, which is made if need be (RFC 3261 17.2; SER tm).

        A final reply to an INVITE is sent until its ACK comes, and cancels the branches that
        still wait; 300 to 399 carry the target set as Contact. Does not wait.

        False for an ACK or CANCEL, and when a final reply has been sent before.
        """
        ctx = self.ctx
        call = ctx.call
        number = code_of(code)
        if call.final or ctx.server.relay.begin(call) is None:
            return False
        sent = bool(call.reply(number, reason, call.contact_headers(number, ctx.msg)))
        if sent and number >= 200:
            ctx.server.deliver.cancel_others(call, None)
        return sent

    @allowed(REQUEST | FAILURE | REPLY)
    def t_on_failure(self, handler: Handler) -> bool:
        """Choose the failure_route that runs when every branch has failed (SER tm).

        A method marked @failure_route, its name, or None for none. It is forgotten each
        time a failure_route runs. Always True; RouteError for anything else. Does not wait.
        """
        self.ctx.call.on_failure = handler_of(self.ctx, handler, FAILURE)
        return True

    @allowed(REQUEST | FAILURE | REPLY)
    def t_on_reply(self, handler: Handler) -> bool:
        """Choose the onreply_route that runs for every reply of this transaction (SER tm).

        A method marked @onreply_route, its name, or None for none. It stays set. Always True;
        RouteError for anything else. Does not wait.
        """
        self.ctx.call.on_reply = handler_of(self.ctx, handler, REPLY)
        return True

    @allowed(REQUEST | FAILURE)
    def t_on_branch(self, handler: Handler) -> bool:
        """Choose the branch_route that runs for each branch before it is sent (SER 2.0 tm).

        A method marked @branch_route, its name, or None for none. Always True; RouteError
        for anything else. Does not wait.
        """
        self.ctx.call.on_branch = handler_of(self.ctx, handler, BRANCH)
        return True

    @allowed(REQUEST | FAILURE | REPLY)
    def t_check_status(self, regex: str) -> bool:
        """Whether a regular expression is found in a status code (SER tm).

        In the request route it is the last reply sent upstream, in a reply route the reply in
        hand, in a failure route the best of all branches. False when there is none;
        RouteError when it is no regular expression. Does not wait.
        """
        ctx = self.ctx
        if ctx.kind == REPLY and ctx.reply is not None:
            code = ctx.reply.status
        elif ctx.kind == FAILURE and ctx.branch is not None:
            code = ctx.branch.status
        else:
            code = ctx.call.status
        try:
            return bool(code) and _pattern(regex).search(str(code)) is not None
        except re.error as error:
            raise RouteError(f"t_check_status({regex!r}): not a regular expression: {error}") from None

    @allowed(REQUEST)
    def t_lookup_request(self) -> bool:
        """Whether the request has a transaction (SER tm). Does not wait."""
        return self.ctx.call.machine is not None

    @allowed(REQUEST)
    def t_retransmit_reply(self) -> bool:
        """Send the last reply again; False when there is none (SER tm). Does not wait."""
        machine = self.ctx.call.machine
        if not isinstance(machine, Machine) or not machine.sent:
            return False
        self.ctx.server.outbound.send(self.ctx.call.flow, machine.sent)
        return True

    @allowed(REQUEST)
    def t_release(self) -> bool:
        """End the transaction that t_newtran made, without a reply (SER tm).

        False when there is none, or when it was forwarded or answered. Does not wait.
        """
        call = self.ctx.call
        machine = call.machine
        if machine is None or call.context is not None or call.final:
            return False
        call.acted = True
        machine.abandon()
        self.ctx.server.outbound.end_server(machine)
        return True

    @allowed(REQUEST | FAILURE | REPLY)
    def t_is_canceled(self) -> bool:
        """Whether the caller has sent CANCEL (SER 2.0 tm). Does not wait."""
        return bool(self.ctx.call.canceled)


@implementer(IModule)
@attrs.define(kw_only=True, eq=False)
class Tm(ModuleBase):
    """Transactions. All times are seconds."""

    name: ClassVar[str] = "tm"
    functions: ClassVar[type[TmFunctions]] = TmFunctions

    fr_timer: float = attrs.field(default=0.0, converter=seconds)
    """How long a branch may go without a final response (timers B and F); 0 = 64*T1. For an
    INVITE only until its first provisional response."""
    fr_inv_timer: float = attrs.field(default=185.0, converter=seconds)
    """How long an INVITE branch may ring (timer C of RFC 3261 16.6): restarted by each 101 to 199."""
    retr_timer1: float = attrs.field(default=0.5, converter=seconds)
    """T1, the first retransmission interval."""
    retr_timer2: float = attrs.field(default=4.0, converter=seconds)
    """T2, the longest retransmission interval."""
    wt_timer: float = attrs.field(default=5.0, converter=seconds)
    """Accepted for old configurations and ignored: RFC 6026 says how long transactions stay."""
    noisy_ctimer: bool = attrs.field(default=True, converter=switch)
    """Accepted for old configurations and ignored: a branch that rang too long is always canceled."""

    def attach(self, server: Any) -> None:
        """Give the server its timer values."""
        server.timers = Timers(
            t1=self.retr_timer1,
            t2=self.retr_timer2,
            fr_timer=self.fr_timer or None,
            fr_inv_timer=self.fr_inv_timer,
        )
