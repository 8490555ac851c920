"""Ports of this machine: which are free, and which somebody has."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_KINDS = (socket.SOCK_DGRAM, socket.SOCK_STREAM)


def free_port(lowest: int = 15000, highest: int = 32000) -> int:
    """An even port that is free on loopback for UDP and TCP, outside the range of outgoing connections."""
    for _ in range(1000):
        port = random.randrange(lowest, highest, 2)
        if all(_is_free(host, kind, port) for host in ("127.0.0.1", "::1") for kind in _KINDS):
            return port
    raise AssertionError("no free port")


def _is_free(host: str, kind: socket.SocketKind, port: int) -> bool:
    if host == "::1" and not has_ipv6():
        return True
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def has_ipv6() -> bool:
    """Whether this machine has the loopback address of IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def is_bound(port: int, protocol: str) -> bool:
    """Whether somebody has the ``udp`` or ``tcp`` port; asked without taking it for a moment."""
    tables = [Path(f"/proc/net/{protocol}{version}") for version in ("", "6")]
    lines = [line for table in tables if table.exists() for line in table.read_text(encoding="ascii").splitlines()[1:]]
    # local address, remote address, state: 0A is a listening TCP socket, 07 any UDP socket without a peer
    state = {"udp": "07", "tcp": "0A"}[protocol]
    return any(
        local.endswith(f":{port:04X}") and found == state for _, local, _, found, *_ in (line.split() for line in lines)
    )
