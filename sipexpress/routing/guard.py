"""A router's own waiting helpers: started at the call, and no truth value (a bare coroutine is always true)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction, isgeneratorfunction
from typing import Any

from sipexpress.routing.awaitable import adopt
from sipexpress.routing.drive import begin


def guarded(attribute: Any) -> Any:
    """The guarded form of something found in a class body; None when it needs no guard."""
    if isinstance(attribute, staticmethod | classmethod):
        inner = guarded(attribute.__func__)
        return None if inner is None else type(attribute)(inner)
    if hasattr(attribute, "_sx_raw") or not callable(attribute):
        return None
    if iscoroutinefunction(attribute):
        return _guard_coroutine(attribute)
    wrapped = getattr(attribute, "__wrapped__", None)
    if wrapped is not None and isgeneratorfunction(wrapped):
        return _guard_callbacks(attribute)
    return None


def _guard_coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    name = f"{function.__name__}()"

    @wraps(function)
    def helper(*args: Any, **kwargs: Any) -> Any:
        ctx = _context(args)
        coroutine = function(*args, **kwargs)
        # Outside a run (a static method, a test) it is an ordinary coroutine.
        return coroutine if ctx is None else begin(coroutine, ctx, name)

    helper._sx_raw = function  # type: ignore[attr-defined]
    return helper


def _guard_callbacks(function: Callable[..., Any]) -> Callable[..., Any]:
    name = f"{function.__name__}()"

    @wraps(function)
    def helper(*args: Any, **kwargs: Any) -> Any:
        ctx = _context(args)
        answer = function(*args, **kwargs)
        return answer if ctx is None else adopt(answer, ctx, name)

    helper._sx_raw = function  # type: ignore[attr-defined]
    return helper


def _context(args: tuple[Any, ...]) -> Any:
    if not args or not getattr(type(args[0]), "_sx_is_twin", False):
        return None
    return args[0]._ctx
