"""What a server is to its sockets, and peers made of plain sockets of the operating system."""

from __future__ import annotations

import socket as sockets
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol


class Waiting:
    """Wakes tests that wait for something to come true."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def until(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Fires once that is true; it is looked at whenever something is told."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append((condition, waiter))
        self.told()
        return waiter

    def told(self) -> None:
        from twisted.internet import reactor as _reactor

        reactor: Any = _reactor

        for entry in list(self._waiting):
            if entry[0]():
                self._waiting.remove(entry)
                # Not from inside of what tells it.
                reactor.callLater(0, entry[1].callback, None)


class Receiver(Waiting):
    """Keeps what the transports tell."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[bytes] = []
        self.flows: list[Any] = []
        self.failures: list[tuple[Any, bytes, str]] = []
        self.gone: list[Any] = []
        self.answer: Callable[[bytes, Any], object] | None = None
        """Called with each message and its flow."""

    def received(self, data: bytes, flow: Any) -> None:
        self.messages.append(data)
        self.flows.append(flow)
        try:
            if self.answer is not None:
                self.answer(data, flow)
        finally:
            self.told()

    def send_failed(self, flow: Any, data: bytes, reason: str) -> None:
        self.failures.append((flow, data, reason))
        self.told()

    def closed(self, flow: Any) -> None:
        self.gone.append(flow)
        self.told()

    def has(self, count: int) -> Deferred[None]:
        """Fires once so many messages have come."""
        return self.until(lambda: len(self.messages) >= count)

    def failed(self, count: int) -> Deferred[None]:
        """Fires once so many sendings have failed."""
        return self.until(lambda: len(self.failures) >= count)


def message(number: int = 0, body: bytes = b"", first: bytes = b"OPTIONS sip:a@b SIP/2.0") -> bytes:
    """A message that differs from others by its number."""
    return b"%b\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK%d\r\nContent-Length: %d\r\n\r\n%b" % (
        first,
        number,
        len(body),
        body,
    )


def has_ipv6() -> bool:
    """Whether ::1 can be used here."""
    try:
        with sockets.socket(sockets.AF_INET6, sockets.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def closed_port(kind: int = sockets.SOCK_DGRAM, host: str = "127.0.0.1") -> int:
    """A port where nobody listens."""
    with sockets.socket(sockets.AF_INET6 if ":" in host else sockets.AF_INET, kind) as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


class Peer(Waiting, Protocol):
    """The other end of a TCP connection."""

    transport: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        self.told()

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True
        self.told()

    def has(self, data: bytes) -> Deferred[None]:
        """Fires once `data` is all that has come."""
        return self.until(lambda: self.data == data)

    def ended(self) -> Deferred[None]:
        """Fires once the connection is gone."""
        return self.until(lambda: self.lost)
