"""A router's own waiting helpers: started at the call, and no truth value (a bare coroutine is always true)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction, isgeneratorfunction, unwrap
from types import CoroutineType
from typing import Any

from sipexpress.routing.drive import adopt, begin


def guarded(attribute: Any) -> Any:
    """The guarded form of a function found in a class body; None when it needs no guard."""
    if isinstance(attribute, staticmethod | classmethod):
        return None  # they do not know the run: see guarded_for
    if hasattr(attribute, "_sx_raw") or not callable(attribute):
        return None
    if iscoroutinefunction(attribute):
        return _guard_coroutine(attribute)
    wrapped = getattr(attribute, "__wrapped__", None)
    if wrapped is not None and isgeneratorfunction(wrapped):
        return _guard_callbacks(attribute)
    return None


def guarded_for(attribute: staticmethod[Any, Any] | classmethod[Any, Any, Any]) -> property | None:
    """The guarded form of a static or class method, which learns of the run from the twin it is reached through;
    None when it needs no guard.
    """
    if guarded(attribute.__func__) is None:
        return None
    name = f"{attribute.__func__.__name__}()"

    def get(twin: Any) -> Any:
        function, ctx = attribute.__get__(twin, type(twin)), twin._ctx

        def helper(*args: Any, **kwargs: Any) -> Any:
            answer = function(*args, **kwargs)
            return begin(answer, ctx, name) if type(answer) is CoroutineType else adopt(answer, ctx, name)

        return helper

    return property(get)


def mend_super(attribute: Any, name: str, cls: type) -> None:
    """Let ``super()`` in the guarded function `name` mean `cls`, when a decorator (attrs, a dataclass with slots) has
    made the class anew: those look for it in plain functions only.
    """
    if not hasattr(attribute, "_sx_raw"):
        return
    function: Any = unwrap(attribute)
    names = function.__code__.co_freevars
    if "__class__" not in names:
        return
    cell = function.__closure__[names.index("__class__")]
    before = cell.cell_contents
    if before not in cls.__mro__ and before.__name__ == cls.__name__ and vars(before).get(name) is attribute:
        cell.cell_contents = cls


def _guard_coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    name = f"{function.__name__}()"

    @wraps(function)
    def helper(*args: Any, **kwargs: Any) -> Any:
        ctx = _context(args)
        coroutine = function(*args, **kwargs)
        # Outside a run (in started(), in a test) it is an ordinary coroutine.
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
