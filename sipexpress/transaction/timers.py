"""Timer values (RFC 3261 table 4, RFC 6026), in seconds."""

from __future__ import annotations

TICK = 0.1


class Timers:
    """The timer values of one server. fr_timer and fr_inv_timer are SER's names."""

    __slots__ = ("fr_inv_timer", "fr_timer", "life", "t1", "t2", "t4", "timer_d")

    def __init__(
        self,
        t1: float = 0.5,
        t2: float = 4.0,
        t4: float = 5.0,
        fr_timer: float | None = None,
        fr_inv_timer: float = 185.0,
    ) -> None:
        self.t1 = t1
        self.t2 = t2
        self.t4 = t4
        self.life = 64 * t1
        """Timers H, J, L and M."""
        self.timer_d = max(32.0, self.life)
        """How long an INVITE client acknowledges over UDP: the server's T1 may be a longer one (17.1.1.2)."""
        self.fr_timer = self.life if fr_timer is None else fr_timer
        """Timers B and F: how long a request may go without any final response."""
        self.fr_inv_timer = fr_inv_timer
        """Timer C: how long an INVITE may ring (RFC 3261 16.6 step 11 wants more than 3 minutes)."""
