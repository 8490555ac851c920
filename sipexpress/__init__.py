"""sipexpress: SIP Express Router reborn as a Python framework on Twisted.

A user writes routing logic as a class derived from `Router`, binds modules with `use()`,
and runs it with ``twistd sipexpress --router=myrouter.Router`` or embeds a `Server`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sipexpress.routing.awaitable import Answer
    from sipexpress.routing.marks import branch_route, failure_route, onreply_route
    from sipexpress.routing.router import Router
    from sipexpress.routing.use import use
    from sipexpress.server.garbage import tune_gc
    from sipexpress.server.server import Server

__all__ = [
    "Answer",
    "Router",
    "Server",
    "__version__",
    "branch_route",
    "failure_route",
    "onreply_route",
    "tune_gc",
    "use",
]

_HOMES = {
    "Answer": "sipexpress.routing.awaitable",
    "Router": "sipexpress.routing.router",
    "Server": "sipexpress.server.server",
    "branch_route": "sipexpress.routing.marks",
    "failure_route": "sipexpress.routing.marks",
    "onreply_route": "sipexpress.routing.marks",
    "tune_gc": "sipexpress.server.garbage",
    "use": "sipexpress.routing.use",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'sipexpress' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
