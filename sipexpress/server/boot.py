"""Starting and stopping the modules of a router, and finding one by what it provides."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred

from sipexpress.errors import ConfigError
from sipexpress.server.settings import nearest

if TYPE_CHECKING:
    from sipexpress.server.server import Server


class Boot:
    """The modules of one server: made from the router's `use()` lines and the overriding parameters."""

    def __init__(self, server: Server, router: Any, modparams: Mapping[str, Mapping[str, Any]]) -> None:
        self._server = server
        self._router = router
        self.modules: dict[str, Any] = router.modules(modparams)
        names = sorted({module.name for module in self.modules.values()})
        for name in modparams:
            if name not in names:
                known = f"; the router uses {', '.join(names)}" if names else "; the router uses no modules"
                raise ConfigError(
                    f"parameters for module {name!r}, which the router does not use{nearest(name, names) or known}"
                )
        self._trusted = [ipaddress.ip_network(text, strict=False) for text in server.settings.trusted]

    def attach(self) -> None:
        """Let every module meet the others. Raises ConfigError."""
        for module in self.modules.values():
            module.attach(self._server)

    def need(self, interface: Any, module: Any) -> Any:
        """The module that provides `interface`, or ConfigError."""
        for other in self.modules.values():
            if interface.providedBy(other):
                return other
        line = interface.queryTaggedValue("module") or interface.__name__
        raise ConfigError(f"{module.name} needs {line.split()[0]}: add `{line}` to the router")

    def find(self, name: str) -> Any:
        """The module with SER's name `name`, or None."""
        for module in self.modules.values():
            if module.name == name:
                return module
        return None

    def is_trusted(self, address: str) -> bool:
        """Whether an IP address lies in one of the trusted networks."""
        if not self._trusted:
            return False
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self._trusted)

    @inlineCallbacks
    def start(self) -> Any:
        """Start the modules in the router's order; when one fails, stop those that run."""
        started: list[Any] = []
        for module in self.modules.values():
            try:
                yield maybeDeferred(module.start)
            except BaseException:
                for other in reversed(started):
                    yield maybeDeferred(other.stop)
                raise
            started.append(module)

    def hook(self, name: str) -> Deferred[Any]:
        """Call the router's ``started`` or ``stopped``, which may wait."""
        return maybeDeferred(getattr(self._router, name), self._server)

    @inlineCallbacks
    def stop(self) -> Any:
        """Stop the modules in reverse order; one that fails is logged and keeps no other from stopping."""
        for module in reversed(list(self.modules.values())):
            try:
                yield maybeDeferred(module.stop)
            except Exception:
                self._server.log.failure("module {name} did not stop", name=module.name)
