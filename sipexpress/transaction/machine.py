"""What the four transaction machines share."""

from __future__ import annotations

from sipexpress.transaction.timers import Timers
from sipexpress.transaction.wheel import Timed


class Machine(Timed):
    """One transaction: its state, its next deadline and the bytes it may have to send again."""

    __slots__ = ("flow", "give_up", "interval", "key", "owner", "reliable", "sent", "state", "timers")

    def __init__(self, key: bytes, flow: object, reliable: bool, timers: Timers, owner: object) -> None:
        self.due = 0.0
        self.armed = 0
        self.state = 0
        self.interval = 0.0
        self.give_up = 0.0
        self.key = key
        self.flow = flow
        self.reliable = reliable
        self.timers = timers
        self.owner = owner
        self.sent = b""

    def _again(self, now: float, longest: float) -> bool:
        """Whether the deadline that passed was a retransmission's; then the next one is set, after double
        the interval up to `longest` seconds. Not so when give_up has come.
        """
        due = self.due
        give_up = self.give_up
        # Both are asked: a tick may come a rounding error before the deadline, or long after it.
        if due >= give_up or now >= give_up:
            return False
        interval = self.interval = min(2 * self.interval, longest)
        # From deadline to deadline: the wheel's lateness must not add up, or the last ones would not go out.
        due += interval
        self.due = min(due if due > now else now + interval, give_up)
        return True
