"""INVITE server transaction (RFC 3261 17.2.1, RFC 6026 7.1). All its transitions are here."""

from __future__ import annotations

from typing import Final

from sipexpress.transaction.effects import DELIVER, END, NOTHING, SEND, TIMEOUT
from sipexpress.transaction.machine import Machine

PROCEEDING: Final = 0
COMPLETED: Final = 1
CONFIRMED: Final = 2
ACCEPTED: Final = 3
TERMINATED: Final = 4

STATES: Final = ("proceeding", "completed", "confirmed", "accepted", "terminated")


class InviteServer(Machine):
    """`sent` is the last response where that is to be sent again."""

    __slots__ = ()

    def request(self, now: float) -> int:
        """The INVITE came again."""
        # Accepted and Confirmed absorb it without an answer (RFC 6026 7.1).
        return SEND if self.sent and self.state <= COMPLETED else NOTHING

    def reply(self, status: int, data: bytes, now: float, own: bool = False) -> int:
        """A response goes upstream: SEND when it is kept to be sent again, DELIVER when it is sent only now.
        `own`: a 2xx of this server's, sent until its ACK (13.3.1.4).
        """
        if self.state == ACCEPTED and 200 <= status < 300:
            # Further 2xx of other branches or of the same one (RFC 6026 7.1); not kept.
            return DELIVER
        if self.state != PROCEEDING:
            return NOTHING
        self.sent = data
        if status < 200:
            return SEND
        if status < 300:
            self.state = ACCEPTED
            self.give_up = self.due = now + self.timers.life  # Timer L
            if own:
                self.interval = self.timers.t1
                self.due = now + self.interval
                return SEND
            self.sent = b""
            return DELIVER
        self.state = COMPLETED
        self.give_up = self.due = now + self.timers.life  # Timer H
        if not self.reliable:
            self.interval = self.timers.t1  # Timer G
            self.due = now + self.interval
        return SEND

    def ack(self, now: float) -> int:
        """An ACK with the INVITE's branch came."""
        if self.state == COMPLETED:
            self.sent = b""
            if self.reliable:
                self.state = TERMINATED
                self.due = 0.0
                return END
            self.state = CONFIRMED
            self.due = now + self.timers.t4  # Timer I
            return NOTHING
        if self.state == ACCEPTED:
            self.acknowledged()
            return DELIVER
        return NOTHING

    def acknowledged(self) -> None:
        """The 2xx of this server's was acknowledged: no longer send it."""
        if self.state == ACCEPTED:
            self.sent = b""
            self.due = self.give_up

    def abandon(self) -> int:
        """End without a final response (t_release)."""
        self.state = TERMINATED
        self.due = 0.0
        return END

    def timeout(self, now: float) -> int:
        """A deadline passed: G, H, I or L."""
        if self.state in (COMPLETED, ACCEPTED) and self.sent and self._again(now, self.timers.t2):
            return SEND
        effects = TIMEOUT | END if self.state == COMPLETED else END
        self.state = TERMINATED
        self.due = 0.0
        return effects
