"""SIP messages by hand, for asking a running server a question over UDP."""

from __future__ import annotations

import random
import socket
from types import TracebackType

_KEPT = ("Via:", "From:", "To:", "Call-ID:", "CSeq:")


class Wire:
    """A UDP socket of ours, and the server's port."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((host, port))
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def send(self, message: str) -> None:
        """Send a message; ``{port}`` in it stands for our port."""
        self._socket.send(message.replace("{port}", str(self.port)).replace("\n", "\r\n").encode())

    def receive(self, seconds: float = 20.0) -> str:
        """The next message."""
        self._socket.settimeout(seconds)
        return self._socket.recv(65535).decode().replace("\r\n", "\n")


def request(method: str, port: int, *lines: str, user: str = "bob", host: str = "127.0.0.1") -> str:
    """A request of a user to itself, or for REGISTER to the server at `port`."""
    number = f"{random.getrandbits(64):x}"
    host = f"[{host}]" if ":" in host else host
    server = f"{host}:{port}"
    return "\n".join(
        (
            f"{method} sip:{server if method in ('REGISTER', 'OPTIONS') else f'{user}@{server}'} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{{port}};branch=z9hG4bK{number}",
            "Max-Forwards: 70",
            f"From: <sip:{user}@{server}>;tag={number}",
            f"To: <sip:{user}@{server}>",
            f"Call-ID: {number}",
            f"CSeq: 1 {method}",
            *lines,
            "Content-Length: 0\n\n",
        )
    )


def response(message: str, status: str) -> str:
    """The response to a request that came in."""
    lines = [line for line in message.split("\n") if line.startswith(_KEPT)]
    lines = [f"{line};tag=ours" if line.startswith("To:") else line for line in lines]
    return "\n".join((f"SIP/2.0 {status}", *lines, "Content-Length: 0\n\n"))


def exchange(port: int, message: str, seconds: float = 10.0, host: str = "127.0.0.1") -> str:
    """The first response to a request; nothing when there is none."""
    with Wire(port, host) as wire:
        try:
            wire.send(message)
            return wire.receive(seconds)
        except OSError:  # nobody listens, or nobody answers
            return ""
