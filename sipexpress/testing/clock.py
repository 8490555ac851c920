"""A clock that steps from due call to due call."""

from __future__ import annotations

from twisted.internet.base import DelayedCall
from twisted.internet.task import Clock

START = 1_000_000.0


class VirtualClock(Clock):
    """Twisted's Clock, but each call sees the time it was due at, and not the end of the step."""

    def __init__(self) -> None:
        super().__init__()
        self.rightNow = START

    def advance(self, amount: float) -> None:
        """Let `amount` seconds pass."""
        until = self.rightNow + amount
        while True:
            # Calls may have been put off or brought forward meanwhile.
            self.calls.sort(key=DelayedCall.getTime)
            if not self.calls or self.calls[0].getTime() > until + 1e-9:
                break
            call = self.calls.pop(0)
            self.rightNow = max(self.rightNow, call.getTime())
            call.called = 1
            call.func(*call.args, **call.kw)
        self.rightNow = until

    @property
    def elapsed(self) -> float:
        """Seconds since the clock was made."""
        return self.rightNow - START

    def callFromThread(self, function: object, *args: object, **kwargs: object) -> None:
        """Run it with the next advance."""
        self.callLater(0, function, *args, **kwargs)  # type: ignore[arg-type]
