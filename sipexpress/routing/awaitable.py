"""Answers of functions that may wait. They refuse to be a truth value: a forgotten `await` must never be true."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from twisted.internet.defer import Deferred

from sipexpress.errors import RouteError
from sipexpress.server.kinds import NAMES

T = TypeVar("T")


def _unawaited(what: str) -> NoReturn:
    raise RouteError(f"the answer of {what} is not there yet: write `await` before the call")


class Answer(Deferred[T]):
    """A Deferred that stands for the answer of a function called from a route.

    It works with await, inlineCallbacks, gatherResults, time-outs and cancellation. One that is
    dropped without having been waited for ends its work, is logged, and fails the request.
    """

    _sx_ctx: Any = None
    """The run that has to wait for it; None once somebody does."""
    _sx_name = ""
    _sx_work: Any = None
    """What brings the answer, where that is a coroutine."""

    def __init__(self, ctx: Any, name: str, canceller: Callable[[Deferred[Any]], None] | None = None) -> None:
        super().__init__(canceller)
        self._sx_ctx = ctx
        self._sx_name = name

    def _sx_waited(self) -> None:
        self._sx_ctx = None
        work = self._sx_work
        if work is not None:
            work.hold(self)

    if not TYPE_CHECKING:

        def __bool__(self) -> bool:
            _unawaited(self._sx_name or "a function")

        def __eq__(self, other: object) -> bool:
            if other is None or isinstance(other, int):
                _unawaited(self._sx_name or "a function")
            return self is other

        __hash__ = object.__hash__

        # Whoever adds a callback waits.

        def addCallbacks(self, *args, **kwargs):  # noqa: D102
            self._sx_waited()
            return super().addCallbacks(*args, **kwargs)

        def addCallback(self, *args, **kwargs):  # noqa: D102
            self._sx_waited()
            return super().addCallback(*args, **kwargs)

        def addErrback(self, *args, **kwargs):  # noqa: D102
            self._sx_waited()
            return super().addErrback(*args, **kwargs)

        def addBoth(self, *args, **kwargs):  # noqa: D102
            self._sx_waited()
            return super().addBoth(*args, **kwargs)

        def pause(self):  # noqa: D102
            self._sx_waited()
            return super().pause()

        def __iter__(self):
            self._sx_waited()
            return super().__iter__()

        __await__ = __iter__

        def __del__(self) -> None:
            ctx = self._sx_ctx
            # A chain that took the answer over leaves None in its place, or its own end in _chainedTo.
            if ctx is None or self._chainedTo is not None or (self.called and getattr(self, "result", self) is None):
                return
            self._sx_ctx = None
            work = self._sx_work
            if work is not None:
                work.forget()
            ctx.call.forgotten(
                f"{NAMES[ctx.kind]}: the answer of {self._sx_name} was dropped: write `await` before the call"
            )


class Known(Answer[T]):
    """An answer that is there already. It is an ordinary Answer as soon as somebody adds a callback."""

    called = True
    _canceller = None

    def __init__(self, value: T, ctx: Any, name: str) -> None:
        self.result = value
        self._sx_ctx = ctx
        self._sx_name = name

    if not TYPE_CHECKING:

        def __iter__(self) -> Generator[Any, None, T]:
            self._sx_ctx = None
            return self.result
            yield

        __await__ = __iter__

        def _sx_waited(self) -> None:
            # Now it needs its list of callbacks.
            value, name = self.result, self._sx_name
            self.__class__ = Answer
            Answer.__init__(self, None, name)
            self.called = True
            self.result = value
