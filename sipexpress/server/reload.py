"""SIGHUP: another router, other parameters and settings for a running server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sipexpress.server.boot import Boot
from sipexpress.server.settings import Settings, updated

if TYPE_CHECKING:
    from sipexpress.server.server import Server

AT_START = (
    "listen",
    "advertise",
    "secret_file",
    "max_transactions",
    "mhomed",
    "allow_loopback_dns",
    "dns_timeout",
    "tcp_max_connections",
    "tcp_max_connections_per_address",
    "tcp_connect_timeout",
    "tcp_connection_lifetime",
    "tcp_message_timeout",
)
"""Settings that are read when the server starts, and not again."""


async def reload(
    server: Server, router: Any, modparams: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]
) -> None:
    """Put all of them in place, or raise and leave the server as it was.

    Calls under way end with the handlers they began with. Modules keep what they hold
    (registrations); sockets stay open.
    """
    settings = updated(Settings(), values, "reload")
    for name in AT_START:
        if getattr(settings, name) != getattr(server.settings, name):
            server.log.warn("{name} has changed: it counts from the next start on", name=name)
            setattr(settings, name, getattr(server.settings, name))
    fresh = router() if isinstance(router, type) else router
    old_boot, old_settings, old_timers = server.boot, server.settings, server.timers
    server.settings = settings
    try:
        boot = Boot(server, fresh, modparams)
        for module in boot.modules.values():
            before = old_boot.find(module.name)
            if before is not None and type(module).__name__ == type(before).__name__:
                module.inherit(before)
        server.boot = boot
        boot.attach()
        routes = fresh.bind(boot.modules)
        await boot.start()
    except BaseException:
        server.boot, server.settings, server.timers = old_boot, old_settings, old_timers
        raise
    server.router = fresh
    server.routes = routes
    server.configure()
    await old_boot.stop()
    for name in {module.name for module in old_boot.modules.values()} - {
        module.name for module in boot.modules.values()
    }:
        server.log.warn("the new router no longer uses {name}: what it held is gone", name=name)
