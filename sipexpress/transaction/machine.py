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

    def _again(self, now: float, longest: float) -> None:
        """Double the retransmission interval up to `longest` seconds; never wait beyond give_up."""
        self.interval = min(2 * self.interval, longest)
        self.due = min(now + self.interval, self.give_up)
