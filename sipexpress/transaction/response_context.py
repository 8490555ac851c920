"""The response context of a proxy (RFC 3261 16.7): which responses of the branches go upstream."""

from __future__ import annotations

from typing import Final

from sipexpress.sip.message import Response
from sipexpress.transaction.invite_client import InviteClient
from sipexpress.transaction.plain_client import PlainClient

WAIT: Final = 0
RELAY: Final = 1
"""Send the response that came in upstream."""
CANCEL: Final = 2
"""Cancel every branch that still waits."""
CHOOSE: Final = 4
"""No branch waits any more: take the best response."""

# Inside 4xx, these tell the caller what to do next (16.7 step 6); nobody learns much from a 408.
_PREFERRED: Final = (401, 407, 415, 420, 484)


class Branch:
    """One forwarded copy of a request."""

    __slots__ = ("call", "client", "final", "index", "lane", "response", "starting", "status", "uri")

    def __init__(self, call: object, index: int, uri: bytes) -> None:
        self.call = call
        self.index = index
        self.uri = uri
        self.client: InviteClient | PlainClient | None = None
        self.starting: object | None = None
        """What has to end before the request can be sent: a branch route or a name look-up."""
        self.status = 0
        """The last status code, of a response or of our own making; 0 = none yet."""
        self.final = False
        self.response: Response | None = None
        """The final response >= 300; None where the status is of our own making."""
        self.lane: list[Response] | None = None
        """Responses that wait while a reply route handles an earlier one."""


class ResponseContext:
    """All branches of one request and what has been sent upstream for them."""

    __slots__ = ("branches", "declined", "invite", "sent")

    def __init__(self, invite: bool) -> None:
        self.invite = invite
        self.branches: list[Branch] = []
        self.declined = False
        """Whether a 6xx came: whatever still waits is to be canceled."""
        self.sent = 0
        """The final status sent upstream; 0 = none yet."""

    def receive(self, branch: Branch, status: int, response: Response | None) -> int:
        """A response of `branch` (None: `status` is of our own making); returns RELAY, CANCEL, CHOOSE bits."""
        if status < 200:
            if not branch.final:
                branch.status = status
            # 100 is hop by hop; other 1xx for a non-INVITE do not exist (RFC 4320 4.1).
            return RELAY if status > 100 and self.invite and not self.sent and not branch.final else WAIT
        if status < 300:
            return self._success(branch, status)
        if branch.final:
            return WAIT
        branch.final = True
        branch.status = status
        branch.response = response
        if self.sent:
            return WAIT
        if self.pending:
            if status >= 600 and self.invite:
                self.declined = True
                return CANCEL
            return WAIT
        return CHOOSE

    def _success(self, branch: Branch, status: int) -> int:
        branch.final = True
        branch.status = status
        if not self.sent:
            self.sent = status
            return RELAY | CANCEL if self.invite and len(self.branches) > 1 else RELAY
        if self.invite and self.sent < 300:
            return RELAY  # another branch, or the same 2xx again (16.7 step 5)
        return WAIT

    @property
    def pending(self) -> bool:
        """Whether some branch has no final response yet."""
        return any(not branch.final for branch in self.branches)

    def best(self) -> Branch | None:
        """The branch whose final response is to go upstream (16.7 step 6)."""
        return min(
            (branch for branch in self.branches if branch.final), key=lambda branch: _rank(branch.status), default=None
        )

    def challenges(self, best: Branch) -> list[tuple[str, bytes]]:
        """The challenge lines of the other 401 and 407 responses, in branch order (16.7 step 7)."""
        lines = []
        for branch in self.branches:
            if branch is not best and branch.status in (401, 407) and branch.response is not None:
                lines += [
                    (key, line)
                    for key, line in branch.response.header_lines()
                    if key in ("www-authenticate", "proxy-authenticate")
                ]
        return lines


def _rank(status: int) -> tuple[int, int, int]:
    if status >= 600:
        return 0, 0, status
    family = status // 100
    if status in _PREFERRED:
        return family, _PREFERRED.index(status), status
    return family, 20 if status in (408, 503) else 10, status
