"""A flow: one way to a peer, from one of our sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sipexpress.transport.listen import Socket

Address = tuple[str, int]


class Flow:
    """Where a message came from, and where another one can be sent to."""

    __slots__ = ("address", "socket")

    protocol: ClassVar[str]
    """``UDP`` or ``TCP``."""
    reliable: ClassVar[bool]

    def __init__(self, socket: Socket, address: Address) -> None:
        self.socket = socket
        self.address = address
        """IP address (IPv6 without brackets) and port of the peer."""

    def send(self, data: bytes) -> None:
        """Send one message. Never raises: failures go to the receiver's ``send_failed``."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.socket} - {self.address[0]}:{self.address[1]}>"
