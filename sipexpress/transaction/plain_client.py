"""Non-INVITE client transaction (RFC 3261 17.1.2). All its transitions are here."""

from __future__ import annotations

from typing import Final

from sipexpress.transaction.effects import DELIVER, END, NOTHING, SEND, TIMEOUT
from sipexpress.transaction.machine import Machine

WAITING: Final = 0
PROCEEDING: Final = 1
COMPLETED: Final = 2
TERMINATED: Final = 3

STATES: Final = ("trying", "proceeding", "completed", "terminated")


class PlainClient(Machine):
    """`sent` is the request."""

    __slots__ = ()

    def start(self, now: float) -> int:
        """Send the request."""
        self.give_up = self.due = now + self.timers.fr_timer  # Timer F
        if not self.reliable:
            self.interval = self.timers.t1  # Timer E
            self.due = min(now + self.interval, self.give_up)
        return SEND

    def receive(self, status: int, now: float) -> int:
        """A response came."""
        if self.state >= COMPLETED:
            return NOTHING
        if status < 200:
            self.state = PROCEEDING
            return DELIVER
        self.sent = b""
        if self.reliable:  # Timer K is zero
            self.state = TERMINATED
            self.due = 0.0
            return DELIVER | END
        self.state = COMPLETED
        self.due = now + self.timers.t4  # Timer K
        return DELIVER

    def failed(self) -> int:
        """The transport could not send it (RFC 3261 17.1.4)."""
        if self.state > PROCEEDING:
            return NOTHING
        self.state = TERMINATED
        self.due = 0.0
        return TIMEOUT | END

    def timeout(self, now: float) -> int:
        """A deadline passed: E, F or K."""
        if self.state <= PROCEEDING:
            if self.state == PROCEEDING:
                self.interval = self.timers.t2
            if self._again(now, self.timers.t2):
                return SEND
        effects = TIMEOUT | END if self.state <= PROCEEDING else END
        self.state = TERMINATED
        self.due = 0.0
        return effects
