"""sl: replies without a transaction."""

from __future__ import annotations

from typing import ClassVar

import attrs
from zope.interface import implementer

from sipexpress.interfaces import IModule
from sipexpress.routing.marks import allowed
from sipexpress.routing.use import Functions, ModuleBase
from sipexpress.server.kinds import REQUEST
from sipexpress.server.parameters import code_of
from sipexpress.sip.status import reason as reason_of

_ERRORS = {
    400: "Bad Request",
    477: "Next hop cannot be reached",
    478: "Next hop cannot be resolved",
    479: "URI cannot be routed",
    500: "Server Internal Error",
}


class SlFunctions(Functions):
    """What routes call as ``self.sl``."""

    __slots__ = ()

    @allowed(REQUEST)
    def sl_send_reply(self, code: int | str, reason: str = "") -> bool:
        """Answer the request with `code` (100 to 699) and `reason` (RFC 3261 8.2.6; SER sl).

        Without a transaction nothing is kept: a retransmitted request runs the route again.
        Where a transaction exists the reply goes through it. A To tag is added from 101 on,
        the same for each retransmission; 300 to 399 carry the target set as Contact. Does not wait.

        False for an ACK, and when a final reply has been sent before.
        """
        number = code_of(code)
        call = self.ctx.call
        return bool(call.reply(number, reason, call.contact_headers(number, self.ctx.msg)))

    @allowed(REQUEST)
    def sl_reply_error(self) -> bool:
        """Answer with the error of the function that failed last: 477, 478, 479, 400 or 500 (SER sl).

        False, and nothing is sent, when the request has its final reply already. Does not wait.
        """
        code = self.ctx.call.error or 500
        return bool(self.ctx.call.reply(code, f"{_ERRORS.get(code) or reason_of(code)} ({code}/SL)"))


@implementer(IModule)
@attrs.define(kw_only=True, eq=False)
class Sl(ModuleBase):
    """Replies without a transaction."""

    name: ClassVar[str] = "sl"
    functions: ClassVar[type[SlFunctions]] = SlFunctions
