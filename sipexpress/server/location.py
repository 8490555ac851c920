"""A binding: one contact of an address-of-record (RFC 3261 section 10)."""

from __future__ import annotations

from typing import Any


class Binding:
    """One registered contact. Times are seconds since the epoch."""

    __slots__ = (
        "call_id",
        "contact",
        "cseq",
        "expires",
        "flags",
        "flow",
        "path",
        "permanent",
        "q",
        "received",
        "updated",
        "user_agent",
    )

    def __init__(
        self,
        contact: str,
        expires: float,
        *,
        q: float | None = None,
        call_id: str = "",
        cseq: int = 0,
        received: str = "",
        user_agent: str = "",
        flags: int = 0,
        permanent: bool = False,
        path: tuple[str, ...] = (),
        flow: Any = None,
        updated: float = 0.0,
    ) -> None:
        self.contact = contact
        """The contact URI as registered (without escaped headers)."""
        self.expires = expires
        """When it ends."""
        self.q = q
        """Preference, 0 to 1; None = not given."""
        self.call_id = call_id
        self.cseq = cseq
        self.received = received
        """Where the REGISTER really came from, as a URI; empty = use the contact."""
        self.user_agent = user_agent
        self.flags = flags
        """SER's flags column: 1 = behind NAT."""
        self.permanent = permanent
        """Never expires (SER's flag 128)."""
        self.path = path
        self.flow = flow
        """The connection it came over, where that is one (TCP); lives in memory only."""
        self.updated = updated
        """When it was last written."""

    def valid(self, now: float) -> bool:
        """Whether it has not expired at `now`."""
        return self.permanent or self.expires > now
