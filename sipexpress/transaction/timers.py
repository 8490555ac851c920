"""Timer values (RFC 3261 table 4, RFC 6026), in seconds."""

from __future__ import annotations

TICK = 0.1


class Timers:
    """The timer values of one server. fr_timer and fr_inv_timer are SER's names."""

    __slots__ = ("fr_inv_timer", "fr_timer", "t1", "t2", "t4")

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
        # Timers B and F: how long a request may go without any final response.
        self.fr_timer = 64 * t1 if fr_timer is None else fr_timer
        # Timer C: how long an INVITE may ring (RFC 3261 16.6 step 11 wants more than 3 minutes).
        self.fr_inv_timer = fr_inv_timer

    @property
    def life(self) -> float:
        """64*T1: timers H, J, L and M."""
        return 64 * self.t1

    @property
    def timer_d(self) -> float:
        """How long an INVITE client acknowledges over UDP: the server's T1 may be a longer one (17.1.1.2)."""
        return max(32.0, 64 * self.t1)
