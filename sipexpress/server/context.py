"""The context of one handler run: what its twin and the modules see."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sipexpress.sip.message import Request, Response
from sipexpress.transaction.response_context import Branch

if TYPE_CHECKING:
    from sipexpress.server.call import Call
    from sipexpress.server.runs import Waiting
    from sipexpress.server.server import Server


class Context:
    """One run of one handler."""

    __slots__ = ("branch", "call", "dropped", "kind", "msg", "reply", "server", "then", "waiting")

    def __init__(
        self,
        server: Server,
        call: Call,
        kind: int,
        msg: Request,
        reply: Response | None = None,
        branch: Branch | None = None,
    ) -> None:
        self.server = server
        self.call = call
        self.kind = kind
        self.msg = msg
        self.reply = reply
        self.branch = branch
        self.waiting: Waiting | None = None
        """Its time limit, while it waits."""
        self.then: Callable[[Context, BaseException | None], None] = ignore
        """What is done when it has ended."""
        self.dropped = False
        """Whether the route said drop(): a provisional reply goes no further, a branch is not sent."""


def ignore(context: Context, error: BaseException | None) -> None:
    """Nothing is done."""
