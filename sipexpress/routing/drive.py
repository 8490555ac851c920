"""Driving handlers and helpers by hand: Deferred machinery is built only where one really waits."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Coroutine
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sipexpress.errors import Exit, RouteError
from sipexpress.routing.awaitable import Answer, Known

Done = Callable[[Any, "BaseException | None"], None]


class Work:
    """A coroutine (or a returned Deferred) that waits. `done` is called once, with result and error."""

    __slots__ = ("__weakref__", "_canceled", "_coroutine", "_done", "_held", "_later", "_waiting")

    def __init__(self, coroutine: Coroutine[Any, Any, Any] | None, later: Callable[..., Any], done: Done) -> None:
        self._coroutine = coroutine
        self._later = later
        self._done: Done | None = done
        self._waiting: Deferred[Any] | None = None
        self._canceled = False
        self._held: object = None

    def hold(self, answer: object) -> None:
        """Somebody waits for the answer of this work: it lives as long as the work."""
        if self._done is not None:
            self._held = answer

    def forget(self) -> None:
        """Nobody wants the answer: end."""
        self._done = _nobody
        self.cancel("forgotten")

    def wait(self, thing: Any) -> None:
        """The coroutine waits for `thing`."""
        if isinstance(thing, Deferred):
            self._listen(thing)
        elif thing is None:  # asyncio.sleep(0), a bare yield
            pause: Deferred[None] = Deferred()
            timer = self._later(0, pause.callback, None)
            pause._canceller = lambda _: timer.cancel()
            self._listen(pause)
        elif getattr(thing, "_asyncio_future_blocking", None) is not None:
            thing._asyncio_future_blocking = False
            self._listen(Deferred.fromFuture(thing))
        else:
            self._step(None, TypeError(f"a route cannot wait for {thing!r}"))

    def _listen(self, deferred: Deferred[Any]) -> None:
        self._waiting = deferred
        deferred.addBoth(self._fired, deferred)

    def _fired(self, result: Any, deferred: Deferred[Any]) -> Any:
        if self._waiting is not deferred:
            return None if isinstance(result, Failure) else result  # a late answer
        self._waiting = None
        failed = isinstance(result, Failure)
        if self._coroutine is None:
            self._end(None if failed else result, result.value if failed else None)
        else:
            self._step(None if failed else result, result.value if failed else None)
        # A second await of the same answer still sees it; a failure has been passed on.
        return None if failed else result

    def _step(self, value: Any, error: BaseException | None) -> None:
        coroutine = self._coroutine
        assert coroutine is not None
        try:
            thing = coroutine.send(value) if error is None else coroutine.throw(error)
        except StopIteration as stop:
            self._coroutine = None
            self._returned(stop.value)
        except BaseException as raised:
            if isinstance(raised, KeyboardInterrupt | SystemExit):
                raise
            # Without this frame: it keeps its callers, who hold the failure that was thrown in.
            raised.__traceback__ = raised.__traceback__ and raised.__traceback__.tb_next
            self._end(None, raised)
        else:
            self.wait(thing)
        finally:
            del error  # its traceback holds this frame

    def _returned(self, value: Any) -> None:
        """Whatever a handler returns is waited for too."""
        if isinstance(value, Deferred):
            self._listen(value)
        elif type(value) is CoroutineType:
            self._coroutine = value
            self._step(None, None)
        else:
            self._end(value, None)

    def _end(self, value: Any, error: BaseException | None) -> None:
        done, self._done = self._done, None
        self._coroutine = None
        self._held = None
        if done is not None:
            done(value, error)

    def cancel(self, why: str) -> None:
        """First: cancel what it waits for, so that it can clean up. Second: close it."""
        if self._done is None:
            return
        waiting = self._waiting
        if not self._canceled:
            self._canceled = True
            if waiting is not None:
                waiting.cancel()
            return
        self._waiting = None
        coroutine = self._coroutine
        try:
            if coroutine is not None:
                coroutine.close()
        except BaseException as error:
            self._end(None, error)
        else:
            self._end(None, RouteError(f"ended: {why}"))


def drive(function: Callable[..., Any], twin: Any, done: Callable[[Any, BaseException | None], None]) -> Work | None:
    """Run a handler. None when it has ended (what it raised is raised here), else the work that waits."""
    try:
        result = function(twin)
        if type(result) is CoroutineType:
            try:
                thing = result.send(None)
            except StopIteration as stop:
                result = stop.value
            else:
                return _wait(result, thing, twin._ctx, done)
    except Exit:
        return None
    if result is None or result is True or result is False:
        return None
    if type(result) is Known:
        result._sx_ctx = None
        return None
    if isinstance(result, Deferred) or type(result) is CoroutineType:
        return _wait(None, result, twin._ctx, done)
    if type(result) is GeneratorType or type(result) is AsyncGeneratorType:
        raise RouteError(
            f"{function.__qualname__} holds `yield`: decorate it with inlineCallbacks, or make it async def"
        )
    return None


def _wait(coroutine: Any, thing: Any, ctx: Any, done: Callable[[Any, BaseException | None], None]) -> Work | None:
    """The work that waits for `thing`. None when it has ended after all (what it raised is raised here)."""
    ended: list[BaseException | None] = []
    work = Work(coroutine, ctx.server.later, lambda _, error: ended.append(_quiet(error)))
    if coroutine is None:
        work._returned(thing)
    else:
        work.wait(thing)
    if not ended:
        work._done = lambda _, error: _over(done, ctx, error)
        return work
    if ended[0] is not None:
        raise ended[0]
    return None


def _nobody(value: Any, error: BaseException | None) -> None:
    if error is not None:
        error.__traceback__ = None


def _over(done: Callable[[Any, BaseException | None], None], ctx: Any, error: BaseException | None) -> None:
    done(ctx, _quiet(error))
    if error is not None:
        # Its frames hold it, and the twin: only the cycle collector would free them.
        error.__traceback__ = None


def _quiet(error: BaseException | None) -> BaseException | None:
    return None if isinstance(error, Exit) else error


def begin(coroutine: Coroutine[Any, Any, Any], ctx: Any, name: str) -> Answer[Any]:
    """Start a helper at once, and give its answer."""
    try:
        thing = coroutine.send(None)
    except StopIteration as stop:
        return Known(stop.value, ctx, name)
    except Exception as error:
        answer: Answer[Any] = Answer(ctx, name)
        answer.errback(Failure(error))
        return answer
    return _answer(coroutine, thing, ctx, name)


def adopt(deferred: Any, ctx: Any, name: str) -> Any:
    """Guard the Deferred of a helper."""
    if type(deferred) is not Deferred:
        return deferred
    if not deferred.called:
        # Whatever will fire it holds it: were it given away itself, nobody would notice that it was dropped.
        return _answer(None, deferred, ctx, name)
    answer: Any = deferred
    answer.__class__ = Answer
    answer._sx_ctx = ctx
    answer._sx_name = name
    return answer


def _answer(coroutine: Coroutine[Any, Any, Any] | None, thing: Any, ctx: Any, name: str) -> Answer[Any]:
    """The answer of a helper that waits for `thing`."""
    answer: Answer[Any] = Answer(ctx, name)
    mine = weakref.ref(answer)

    def done(value: Any, error: BaseException | None) -> None:
        kept = mine()
        if kept is not None and not kept.called:
            if error is None:
                kept.callback(value)
            else:
                kept.errback(Failure(error))

    work = Work(coroutine, ctx.server.later, done)
    answer._canceller = lambda _: work.cancel("canceled")
    answer._sx_work = work
    work.wait(thing)
    return answer
