"""Name resolution for tests: a table instead of DNS."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from sipexpress.errors import SipExpressError

Place = tuple[str, str, int]


class Names:
    """A resolver: numeric hosts at once, names from `table`, everything after `delay` seconds when that is not 0.

    The table maps a host name to IP addresses, or to (protocol, ip, port) targets.
    """

    def __init__(
        self, clock: Any, table: Mapping[str, Sequence[str | Place]] | None = None, delay: float = 0.0
    ) -> None:
        self._clock = clock
        self.table: dict[str, Sequence[str | Place]] = dict(table or {})
        self.delay = delay

    def locate(self, host: str, port: int | None, transport: str, sips: bool) -> list[Place] | Deferred[list[Place]]:
        """The targets of a host: a list, or a Deferred of one."""
        protocol = "TLS" if sips else (transport or "udp").upper()
        number = port or (5061 if protocol == "TLS" else 5060)
        bare = host.strip("[]")
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            pass
        else:
            return [(protocol, bare, number)]
        answer: Deferred[list[Place]] = Deferred()
        places: list[Place] = [
            place if isinstance(place, tuple) else (protocol, place, number)
            for place in self.table.get(host.lower(), ())
        ]
        if places and not self.delay:
            return places

        def tell() -> None:
            if places:
                answer.callback(places)
            else:
                answer.errback(SipExpressError(f"{host} does not exist"))

        timer = self._clock.callLater(self.delay, tell)
        answer._canceller = lambda _: timer.cancel() if timer.active() else None
        return answer
