"""Marks: which methods are failure, reply and branch routes, and where a function may be called."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from sipexpress.errors import RouteError
from sipexpress.server.kinds import BRANCH, FAILURE, NAMES, REPLY

C = TypeVar("C", bound=Callable[..., Any])


def failure_route(function: C) -> C:
    """Mark a method for ``t_on_failure``: it runs when every branch has failed."""
    function._sx_kind = FAILURE  # type: ignore[attr-defined]
    return function


def onreply_route(function: C) -> C:
    """Mark a method for ``t_on_reply``: it runs for every reply of the transaction."""
    function._sx_kind = REPLY  # type: ignore[attr-defined]
    return function


def branch_route(function: C) -> C:
    """Mark a method for ``t_on_branch``: it runs for each branch before that is sent."""
    function._sx_kind = BRANCH  # type: ignore[attr-defined]
    return function


def allowed(mask: int) -> Callable[[C], C]:
    """Say in which kinds of route a function may run. A call costs no more for it: see `masked`."""

    def mark(function: C) -> C:
        function._sx_allowed = mask  # type: ignore[attr-defined]
        return function

    return mark


def places(mask: int) -> str:
    """The kinds of a mask, in words."""
    return ", ".join(name for kind, name in NAMES.items() if mask & kind)


def refusals(cls: type, kind: int) -> dict[str, Any]:
    """For each function of `cls` that may not run in routes of `kind`: one that says so."""
    refused = {}
    for name in dir(cls):
        mask = getattr(getattr(cls, name, None), "_sx_allowed", None)
        if mask is not None and not mask & kind:
            refused[name] = _refusal(name, mask, kind)
    return refused


def _refusal(name: str, mask: int, kind: int) -> Callable[..., NoReturn]:
    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise RouteError(f"{name}() may not be called in a {NAMES[kind]}: it is allowed in {places(mask)}")

    refuse.__name__ = name
    return refuse


@lru_cache(None)
def masked(functions: type, kind: int) -> type:
    """A subclass of a functions class in which what may not run in routes of `kind` refuses."""
    return type(functions.__name__, (functions,), {"__slots__": (), **refusals(functions, kind)})
