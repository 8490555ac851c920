"""INVITE client transaction (RFC 3261 17.1.1, RFC 6026 7.2). All its transitions are here."""

from __future__ import annotations

from typing import Final

from sipexpress.transaction.effects import ACK, DELIVER, END, NOTHING, SEND, TIMEOUT
from sipexpress.transaction.machine import Machine
from sipexpress.transaction.timers import Timers

CALLING: Final = 0
PROCEEDING: Final = 1
COMPLETED: Final = 2
ACCEPTED: Final = 3
TERMINATED: Final = 4

STATES: Final = ("calling", "proceeding", "completed", "accepted", "terminated")


class InviteClient(Machine):
    """`sent` is the INVITE. `ack` is the ACK for a failure, once it has been made."""

    __slots__ = ("ack", "canceled")

    def __init__(self, key: bytes, flow: object, reliable: bool, timers: Timers, owner: object) -> None:
        super().__init__(key, flow, reliable, timers, owner)
        self.ack = b""
        self.canceled = False

    def start(self, now: float) -> int:
        """Send the INVITE."""
        self.give_up = self.due = now + self.timers.fr_timer  # Timer B
        if not self.reliable:
            self.interval = self.timers.t1  # Timer A
            self.due = min(now + self.interval, self.give_up)
        return SEND

    def receive(self, status: int, now: float) -> int:
        """A response came."""
        state = self.state
        if status < 200:
            if state > PROCEEDING:
                return NOTHING
            # Timer C starts with the first provisional and again with each of 101-199 (16.7 step 2).
            if not self.canceled and (state == CALLING or status > 100):
                self.due = now + self.timers.fr_inv_timer
            self.state = PROCEEDING
            return DELIVER
        if status < 300:
            if state in (COMPLETED, TERMINATED):
                return NOTHING
            if state != ACCEPTED:
                self.state = ACCEPTED
                self.due = now + self.timers.life  # Timer M
                self.sent = b""
            return DELIVER
        if state == COMPLETED:
            return ACK
        if state > COMPLETED:
            return NOTHING
        if self.reliable:  # Timer D is zero
            self.state = TERMINATED
            self.due = 0.0
            return ACK | DELIVER | END
        self.state = COMPLETED
        self.due = now + self.timers.timer_d
        return ACK | DELIVER

    def cancel(self, now: float) -> bool:
        """Whether a CANCEL may go out now (RFC 3261 9.1); then wait at most 64*T1 for the end."""
        if self.state != PROCEEDING or self.canceled:
            return False
        self.canceled = True
        self.due = now + self.timers.life
        return True

    def failed(self) -> int:
        """The transport could not send it (RFC 3261 17.1.4). Counts only before any response: later there is
        nothing to send but an ACK, and the next retransmission of the failure asks for that again.
        """
        if self.state != CALLING:
            return NOTHING
        self.state = TERMINATED
        self.due = 0.0
        return TIMEOUT | END

    def timeout(self, now: float) -> int:
        """A deadline passed: A, B, C, D, M, or the wait for a canceled branch."""
        if self.state == CALLING and self._again(now, self.timers.life):  # Timer A knows no T2
            return SEND
        if self.state == PROCEEDING and not self.canceled:
            # Timer C: the desk sends the CANCEL, which sets the next deadline.
            self.due = now + self.timers.life
            return TIMEOUT
        effects = TIMEOUT | END if self.state <= PROCEEDING else END
        self.state = TERMINATED
        self.due = 0.0
        return effects
