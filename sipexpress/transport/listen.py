"""What to listen on, and what every listening socket is."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, NamedTuple

from sipexpress.errors import ConfigError
from sipexpress.transport.flow import Address, Flow

_FORM = "expected udp:port or tcp:port, with an address as in udp:192.0.2.1:5060 or udp:[2001:db8::1]:5060"
_LISTEN = re.compile(r"([a-z]+):(?:(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-_]+):)?([0-9]{1,5})\Z")
_ADVERTISE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?)(?::([0-9]{1,5}))?\Z")


class ListenSpec(NamedTuple):
    """One entry of `listen`: `protocol` is ``udp`` or ``tcp``; `host` None = every address."""

    protocol: str
    host: str | None
    port: int


def parse_listen(text: str) -> ListenSpec:
    """Read ``udp:5060`` or ``tcp:192.0.2.1:5060``; port 0 = any free one. Raises ConfigError."""
    found = _LISTEN.match(text.strip())
    if found is None:
        raise ConfigError(f"listen {text!r}: {_FORM}")
    protocol, host, port = found.groups()
    if protocol in ("tls", "ws", "wss", "sctp"):
        raise ConfigError(f"listen {text!r}: {protocol} is not there yet; this version speaks udp and tcp")
    if protocol not in ("udp", "tcp"):
        raise ConfigError(f"listen {text!r}: {_FORM}")
    if int(port) > 65535:
        raise ConfigError(f"listen {text!r}: the port is above 65535")
    if host is not None and host.startswith("["):
        address = _ipv6(host)
        if address is None:
            raise ConfigError(f"listen {text!r}: {host} is no IPv6 address")
        host = address
    return ListenSpec(protocol, host, int(port))


def parse_advertise(text: str) -> tuple[str, int | None]:
    """Read ``host[:port]``. Raises ConfigError."""
    found = _ADVERTISE.match(text.strip())
    if found is None or (found.group(2) is not None and not 0 < int(found.group(2)) < 65536):
        raise ConfigError(f"advertise {text!r}: expected host or host:port")
    host = found.group(1)
    if host.startswith("[") and _ipv6(host) is None:
        raise ConfigError(f"advertise {text!r}: {host} is no IPv6 address")
    return host, None if found.group(2) is None else int(found.group(2))


def _ipv6(text: str) -> str | None:
    """The usual spelling of an IPv6 address in brackets."""
    try:
        return str(ipaddress.IPv6Address(text.strip("[]")))
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether an IP address is a loopback one."""
    return host.startswith("127.") or host == "::1"


class Socket:
    """One listening socket, and what is written into Via and Record-Route for it."""

    def __init__(
        self, protocol: str, host: str, port: int, receiver: Any, advertised: tuple[str, int | None] | None = None
    ) -> None:
        self.protocol = protocol
        self.host = host
        self.port = port
        self.ipv6 = ":" in host
        self.loopback = is_loopback(host)
        self.reliable = protocol != "UDP"
        self.receiver = receiver
        self.advertised: Address | None = None
        name = f"[{host}]" if self.ipv6 else host
        if advertised is not None:
            name, port = advertised[0], advertised[1] or port
            self.advertised = (name, port)
        self.sent_by = f"{name}:{port}".encode()
        self.via = b"Via: SIP/2.0/%b %b;branch=" % (protocol.encode(), self.sent_by)

    def flow_to(self, address: Address) -> Flow:
        """The flow to a peer; over TCP the connection there is, or a new one."""
        raise NotImplementedError

    def stop(self) -> Any:
        """Close it; may return a Deferred."""
        raise NotImplementedError

    def __str__(self) -> str:
        host = f"[{self.host}]" if self.ipv6 else self.host
        return f"{self.protocol.lower()}:{host}:{self.port}"
