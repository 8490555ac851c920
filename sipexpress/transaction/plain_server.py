"""Non-INVITE server transaction (RFC 3261 17.2.2, RFC 4320). All its transitions are here."""

from __future__ import annotations

from typing import Final

from sipexpress.transaction.effects import END, NOTHING, SEND, TRYING
from sipexpress.transaction.machine import Machine

WAITING: Final = 0
PROCEEDING: Final = 1
COMPLETED: Final = 2
TERMINATED: Final = 3

STATES: Final = ("trying", "proceeding", "completed", "terminated")

# When Timer E of the client would have reached T2: the moment when a 100 has to go, and over UDP the first
# one when it may.
TRYING_DELAY: Final = 3.5


class PlainServer(Machine):
    """`sent` is the last response, sent again for each retransmission of the request."""

    __slots__ = ()

    def begin(self, now: float) -> None:
        """The request came in at `now`; a 100 follows in time, over every transport (RFC 4320 4.1)."""
        self.due = now + TRYING_DELAY

    def request(self, now: float) -> int:
        """The request came again."""
        return SEND if self.sent and self.state != TERMINATED else NOTHING

    def reply(self, status: int, data: bytes, now: float, own: bool = False) -> int:
        """A response goes upstream; `own` changes nothing here. NOTHING when it may not (RFC 4320 4.1)."""
        if self.state >= COMPLETED:
            return NOTHING
        if status < 200:
            if status > 100 or (now < self.due and not self.reliable):
                return NOTHING
            self.sent = data
            self.state = PROCEEDING
            self.due = 0.0
            return SEND
        self.sent = data
        if self.reliable:  # Timer J is zero
            self.state = TERMINATED
            self.due = 0.0
            return SEND | END
        self.state = COMPLETED
        self.due = now + self.timers.life  # Timer J
        return SEND

    def abandon(self) -> int:
        """End without a response: no branch answered, and a 408 would be of no use (RFC 4320 4.2)."""
        self.state = TERMINATED
        self.due = 0.0
        return END

    def timeout(self, now: float) -> int:
        """The moment of the 100, or Timer J."""
        self.due = 0.0
        if self.state == WAITING:
            return TRYING
        self.state = TERMINATED
        return END
