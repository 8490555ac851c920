"""The table of TCP connections: found again by address, limited, swept when idle."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

if TYPE_CHECKING:
    from sipexpress.transport.flow import Address
    from sipexpress.transport.listen import Socket
    from sipexpress.transport.tcp import StreamFlow

SWEEP_SECONDS = 5.0


class Limits:
    """What one server allows its TCP connections. Times are seconds."""

    __slots__ = ("connect_timeout", "lifetime", "max_connections", "max_per_address", "message_timeout")

    def __init__(
        self,
        max_connections: int = 16_384,
        max_per_address: int = 1_024,
        connect_timeout: float = 10.0,
        lifetime: float = 120.0,
        message_timeout: float = 32.0,
    ) -> None:
        self.max_connections = max_connections
        self.max_per_address = max_per_address
        self.connect_timeout = connect_timeout
        self.lifetime = lifetime
        """Without traffic for so long, a connection is closed."""
        self.message_timeout = message_timeout
        """A message that has begun must be complete by then."""


class Connections:
    """Every TCP connection of one server."""

    log = Logger()

    def __init__(self, reactor: Any, limits: Limits) -> None:
        self._reactor = reactor
        self.limits = limits
        self.seconds = reactor.seconds
        self._flows: dict[int, StreamFlow] = {}
        self._by_address: dict[Address, StreamFlow] = {}
        self._names: dict[int, list[Address]] = {}
        self._per_host: Counter[str] = Counter()
        self._sweep: Any = None
        self.refused = 0
        """Connections refused at a limit."""

    def __len__(self) -> int:
        return len(self._flows)

    def may_accept(self, host: str) -> bool:
        """Whether one more from `host` is within the limits; counts the refusal."""
        fits = len(self._flows) < self.limits.max_connections and self._per_host[host] < self.limits.max_per_address
        if not fits:
            self.refused += 1
            if not self._per_host[host]:
                del self._per_host[host]
        return fits

    def may_connect(self, host: str) -> bool:
        """The same for a connection of ours to `host`: contacts that answer nothing must not take all there are."""
        return self.may_accept(host)

    def add(self, flow: StreamFlow) -> None:
        """A new connection; found by its peer's address from now on."""
        self._flows[id(flow)] = flow
        self._names[id(flow)] = []
        self._per_host[flow.address[0]] += 1
        self.alias(flow, flow.address[1])
        if self._sweep is None:
            self._sweep = self._reactor.callLater(SWEEP_SECONDS, self._swept)

    def alias(self, flow: StreamFlow, port: int) -> None:
        """Find it by another port of the peer too, unless a live connection has that one."""
        address = (flow.address[0], port)
        names = self._names.get(id(flow))
        if names is not None and address not in self._by_address and len(names) < 4:
            self._by_address[address] = flow
            names.append(address)

    def find(self, address: Address) -> StreamFlow | None:
        """The live connection to `address`."""
        return self._by_address.get(address)

    def of(self, socket: Socket) -> list[StreamFlow]:
        """The connections that belong to `socket`."""
        return [flow for flow in self._flows.values() if flow.socket is socket]

    def forget(self, flow: StreamFlow) -> None:
        """It is closed."""
        if self._flows.pop(id(flow), None) is None:
            return
        for address in self._names.pop(id(flow)):
            self._by_address.pop(address, None)
        host = flow.address[0]
        self._per_host[host] -= 1
        if not self._per_host[host]:
            del self._per_host[host]

    def _swept(self) -> None:
        """Close what is idle, and what sends a message too slowly."""
        now = self.seconds()
        limits = self.limits
        for flow in list(self._flows.values()):
            connection = flow.connection
            if connection is None:
                continue
            if connection.begun and now - connection.begun > limits.message_timeout:
                flow.close("a message was not completed in time")
            elif now - connection.active > limits.lifetime:
                flow.close("idle")
        self._sweep = self._reactor.callLater(SWEEP_SECONDS, self._swept) if self._flows else None

    def stop(self) -> None:
        """No more sweeps."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
