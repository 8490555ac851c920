"""The settings of a server: SER's globals that still mean something, and its limits."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import attrs

from sipexpress.errors import ConfigError
from sipexpress.server.parameters import seconds, switch, whole

REFUSED = {
    "port": 'write it into listen, as in listen = ["udp:5070", "tcp:5070"]',
    "alias": 'use aliases, as in aliases = ["sip.example.org"]',
    "children": "one process serves all; there is nothing to set",
    "tcp_children": "one process serves all; there is nothing to set",
    "fork": "twistd runs in the background unless told -n",
    "debug": "use log_level (debug, info, warn, error)",
    "log_stderror": "use twistd -n, or its --logfile",
    "log_facility": "use twistd --syslog, which logs as facility user",
    "dns": "names are looked up only where RFC 3263 wants it",
    "rev_dns": "names are looked up only where RFC 3263 wants it",
    "fifo": "the management interface comes in a later version",
    "fifo_dir": "the management interface comes in a later version",
    "fifo_mode": "the management interface comes in a later version",
    "fifo_db_url": "the management interface comes in a later version",
    "unix_sock": "the management interface comes in a later version",
    "statistics": "the management interface comes in a later version",
    "chroot": "use systemd or a container",
    "user": "use twistd --uid",
    "uid": "use twistd --uid",
    "group": "use twistd --gid",
    "gid": "use twistd --gid",
    "workdir": "use twistd --rundir",
    "wdir": "use twistd --rundir",
    "disable_core_dump": "use ulimit -c, or LimitCORE= of systemd",
    "open_files_limit": "twistd sipexpress raises it to the hard limit",
    "memlog": "memory is Python's own",
    "maxbuffer": "receive buffers are 4 MB",
    "syn_branch": "branches are always random",
    "advertised_address": "use advertise (host[:port])",
    "advertised_port": "use advertise (host[:port])",
    "disable_tcp": 'list what to listen on, as in listen = ["udp:5060"]',
    "tcp_accept_aliases": "call force_tcp_alias() in the route",
    "tcp_send_timeout": "a connection whose peer does not read is closed when 1 MB waits for it",
    "disable_tls": "TLS comes in a later version",
    "tls_port_no": "TLS comes in a later version",
    "tls_method": "TLS comes in a later version",
    "tls_verify": "TLS comes in a later version",
    "tls_require_certificate": "TLS comes in a later version",
    "tls_certificate": "TLS comes in a later version",
    "tls_private_key": "TLS comes in a later version",
    "tls_ca_list": "TLS comes in a later version",
    "mcast_loopback": "multicast is not served",
    "mcast_ttl": "multicast is not served",
}
"""Globals of SER that are no settings here, and what to use instead."""

LOG_LEVELS = ("debug", "info", "warn", "error", "critical")


def texts(value: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """A list of texts; one text counts as a list of one. Raises ValueError."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    items = tuple(value)
    if not all(isinstance(item, str) for item in items):
        raise ValueError("expected a list of texts")
    return items


def _networks(value: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    items = texts(value)
    for item in items:
        ipaddress.ip_network(item, strict=False)
    return items


def _level(value: str) -> str:
    if value not in LOG_LEVELS:
        raise ValueError(f"expected one of {', '.join(LOG_LEVELS)}")
    return value


def _path(value: str | Path | None) -> Path | None:
    return Path(value).expanduser() if value else None


@attrs.define(kw_only=True, eq=False)
class Settings:
    """`[server]` of the TOML file; the same names as keyword arguments of Server."""

    listen: tuple[str, ...] = attrs.field(default=(), converter=texts)
    """Where to listen, as in ``udp:5060``; empty = what the router says, else udp and tcp 5060."""
    aliases: tuple[str, ...] = attrs.field(default=(), converter=texts)
    """Names that count as this server (`myself`), as ``name[:port]``."""
    advertise: str = ""
    """``host[:port]`` for Via and Record-Route instead of the socket's own (1:1 NAT)."""
    mhomed: bool = attrs.field(default=False, converter=switch)
    """Ask the operating system which socket fits a destination, on hosts with several networks."""
    check_via: bool = attrs.field(default=False, converter=switch)
    """Drop a response whose top Via does not name this server."""
    reply_to_via: bool = attrs.field(default=False, converter=switch)
    """Answer over UDP to the sent-by of the top Via where that is an IP address, not to the source address.
    A peer can aim that at others. A request with ``rport`` (RFC 3581) is answered to its source all the same."""
    server_signature: bool = attrs.field(default=True, converter=switch)
    """Whether replies of this server carry a Server header."""
    sip_warning: bool = attrs.field(default=False, converter=switch)
    """Whether replies of this server carry a Warning header with code 392."""
    respond_to_malformed: bool = attrs.field(default=True, converter=switch)
    """Whether a malformed request that can be answered safely gets a 400."""
    trusted: tuple[str, ...] = attrs.field(default=(), converter=_networks)
    """Networks of trusted peers (gateways)."""
    secret_file: Path | None = attrs.field(default=None, converter=_path)
    """Where the secret of marks and tags is kept; made at the first start."""
    log_level: str = attrs.field(default="info", converter=_level)
    """``debug``, ``info``, ``warn``, ``error`` or ``critical``: what lies below is not logged."""
    trace: bool = attrs.field(default=False, converter=switch)
    """Log each message with direction, flow and Call-ID, secrets masked."""
    drain: float = attrs.field(default=10.0, converter=seconds)
    """Seconds to let transactions end when the server stops."""
    allow_loopback_dns: bool = attrs.field(default=False, converter=switch)
    """Accept loopback and link-local addresses from DNS."""
    dns_timeout: float = attrs.field(default=5.0, converter=seconds)
    """Seconds that a name server has for one question."""
    route_timeout: float = attrs.field(default=30.0, converter=seconds)
    """Seconds that one handler run may wait."""
    max_len: int = attrs.field(default=65535, converter=whole)
    """The value of `self.max_len`, in bytes (the guide's overflow test)."""
    max_transactions: int = attrs.field(default=1_000_000, converter=whole)
    """Server transactions; beyond, new requests get 503."""
    max_pending: int = attrs.field(default=10_000, converter=whole)
    """Requests whose handler waits; beyond, 503."""
    max_pending_per_source: int = attrs.field(default=1_000, converter=whole)
    """The same from one IP address."""
    retry_after: int = attrs.field(default=5, converter=whole)
    """Seconds in Retry-After of those 503."""
    tcp_max_connections: int = attrs.field(default=16_384, converter=whole)
    """TCP connections; beyond, new ones are closed at once."""
    tcp_max_connections_per_address: int = attrs.field(default=1_024, converter=whole)
    """The same with one IP address, whoever made them."""
    tcp_connect_timeout: float = attrs.field(default=10.0, converter=seconds)
    """Seconds that a connection of ours may take to be made."""
    tcp_connection_lifetime: float = attrs.field(default=120.0, converter=seconds)
    """Seconds without traffic after which a connection is closed."""
    tcp_message_timeout: float = attrs.field(default=32.0, converter=seconds)
    """Seconds within which a message that began must be complete."""


def updated(settings: Settings, values: Mapping[str, Any], where: str) -> Settings:
    """`settings` with other `values`. Raises ConfigError that names what is wrong and the nearest right name."""
    names = [field.name for field in attrs.fields(Settings)]
    for name in values:
        if name in names:
            continue
        if name in REFUSED:
            raise ConfigError(f"{where}: {name} is not a setting here: {REFUSED[name]}")
        raise ConfigError(f"{where}: unknown setting {name!r}{nearest(name, names)}")
    for name, value in values.items():
        try:
            settings = attrs.evolve(settings, **{name: value})
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{where}: {name}: {_said(value, error)}") from None
    return settings


def _said(value: Any, error: Exception) -> str:
    text = str(error)
    return text if repr(value) in text else f"{value!r}: {text}"


def nearest(name: str, names: list[str]) -> str:
    """``; did you mean 'x'?`` or nothing."""
    close = get_close_matches(name, names, 1)
    return f"; did you mean {close[0]!r}?" if close else ""
