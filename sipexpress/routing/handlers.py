"""What t_on_failure, t_on_reply and t_on_branch are given: a method, or its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipexpress.errors import RouteError
from sipexpress.server.kinds import NAMES


def handler_of(ctx: Any, handler: Any, kind: int) -> Callable[..., Any] | None:
    """The function of a handler, without the twin it was reached through. Raises RouteError."""
    if handler is None:
        return None
    routes = ctx.server.routes
    if isinstance(handler, str):
        function = getattr(routes.router_class, handler, None)
        if not callable(function):
            raise RouteError(f"the router has no method {handler!r}")
    else:
        function = getattr(handler, "__func__", None)
        if function is None or not isinstance(getattr(handler, "__self__", None), routes.router_class):
            raise RouteError(f"{handler!r}: expected a method of this router, or its name")
    name = function.__name__
    if kind_of(routes.router_class, function) != kind:
        raise RouteError(f"{name}() is no {NAMES[kind]}: decorate it with @{NAMES[kind]}")
    raw: Callable[..., Any] = getattr(function, "_sx_raw", function)
    return raw


def kind_of(cls: type, function: Any) -> int:
    """The kind a method is marked as, by itself or by the method it overrides; 0 = not marked."""
    kind = getattr(function, "_sx_kind", 0)
    if not kind:
        for base in cls.__mro__:
            kind = getattr(vars(base).get(function.__name__), "_sx_kind", 0)
            if kind:
                break
    return int(kind)
