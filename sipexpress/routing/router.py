"""Router: the class that users derive their routing logic from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from zope.interface import implementer

from sipexpress.interfaces import IRouter
from sipexpress.routing.rewriting import Rewriting
from sipexpress.routing.sending import Sending
from sipexpress.routing.twin import Routes, bind_router, check_router
from sipexpress.routing.use import configured, declared
from sipexpress.routing.values import Values


@implementer(IRouter)
class Router(Values, Rewriting, Sending):
    """Routing logic: subclass it, bind modules with `use()`, and write `route`.

    ``listen`` says where to listen (``--listen`` and TOML replace it); ``aliases`` are names
    that count as this server. An instance lives as long as its server; each handler runs on a
    small twin of it, so what a route assigns on `self` belongs to that call alone.
    """

    _sx_base = True

    listen: ClassVar[tuple[str, ...]] = ("udp:5060", "tcp:5060")
    aliases: ClassVar[tuple[str, ...]] = ()

    def route(self) -> Any:
        """Run for every request that no transaction absorbs: reply to it, forward it, or drop it.

        A plain method, an `async def`, or one that returns a Deferred.
        """
        raise NotImplementedError(f"{type(self).__name__} has no route()")

    def started(self, server: Any) -> Any:
        """Called once the server listens and its modules run; may wait. An exception ends the start."""

    def stopped(self, server: Any) -> Any:
        """Called when the server ends, before its modules do; may wait."""

    def modules(self, modparams: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Fresh copies of the modules, with the parameters that `modparams` overrides. Raises ConfigError."""
        check_router(self)
        return {
            name: configured(module, modparams.get(module.name, {})) for name, module in declared(type(self)).items()
        }

    def bind(self, modules: dict[str, Any]) -> Routes:
        """The handlers of this router for one server."""
        return bind_router(self, modules)
