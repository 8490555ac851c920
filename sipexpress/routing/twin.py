"""Twins: the small object that a handler runs on, and the classes they are made of."""

from __future__ import annotations

import types
from collections import OrderedDict, defaultdict, deque
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

from typing_extensions import Self

from sipexpress.errors import ConfigError, Exit
from sipexpress.routing.drive import Work, drive
from sipexpress.routing.guard import guarded, guarded_for, mend_super
from sipexpress.routing.marks import masked, refusals
from sipexpress.routing.use import declared
from sipexpress.server.kinds import BRANCH, FAILURE, NAMES, REPLY, REQUEST

if TYPE_CHECKING:
    from sipexpress.server.context import Context
    from sipexpress.sip.message import Request, Response
    from sipexpress.transaction.response_context import Branch

_MUTABLE = (list, dict, set, bytearray, deque, OrderedDict, defaultdict)


class RouterBase:
    """What a router and its twins share: the message in hand, the router itself, and the end of a handler."""

    _sx_base = True
    _sx_is_twin = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_sx_base" in vars(cls):
            return
        reserved = {name for base in cls.__mro__ if "_sx_base" in vars(base) for name in vars(base)}
        for name in declared(cls):
            if name in reserved:
                raise ConfigError(
                    f"{cls.__name__}.{name} = use(...) hides Router.{name}: call it {name}_mod, for example"
                )
        for name, value in list(vars(cls).items()):
            if not name.startswith("__"):
                inner = guarded(value)
                if inner is not None:
                    setattr(cls, name, inner)
                else:
                    mend_super(value, name, cls)

    if TYPE_CHECKING:

        @property
        def _ctx(self) -> Context: ...

        @property
        def msg(self) -> Request:
            """The request in hand."""

        @property
        def reply(self) -> Response | None:
            """The reply in hand: in an onreply_route; in a failure_route the best one, where a branch sent it."""

        @property
        def branch(self) -> Branch | None:
            """The branch in hand: in branch, reply and failure routes."""

        @property
        def router(self) -> Self:
            """The router that lives as long as the server: what is kept there, every call sees."""
    else:

        @property
        def _ctx(self):
            raise AttributeError(
                "self has no message here: this is the router itself, not a running route. A method bound in __init__?"
            )

        msg = property(attrgetter("_ctx.msg"), doc="The request in hand.")
        reply = property(attrgetter("_ctx.reply"), doc="The reply in hand, in reply and failure routes.")
        branch = property(attrgetter("_ctx.branch"), doc="The branch in hand, in branch, reply and failure routes.")

        @property
        def router(self):
            """The router that lives as long as the server: what is kept there, every call sees."""
            if self._sx_is_twin:  # reached through super()
                return vars(type(self))["router"].fget(self)
            return self

    def exit(self) -> NoReturn:
        """End the handler, from however deep inside (SER's ``exit``)."""
        raise Exit

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            for twin_class in self.__dict__.get("_sx_twins", ()):
                if not name.startswith("_sx_"):
                    setattr(twin_class, name, _of_router(self, name))

        def __delattr__(self, name: str) -> None:
            super().__delattr__(name)
            for twin_class in self.__dict__.get("_sx_twins", ()):
                own = twin_class._sx_own
                if name in own:
                    setattr(twin_class, name, own[name])
                elif name in vars(twin_class):
                    delattr(twin_class, name)


class Quiet:
    """First base of every twin class: keeps the user's class from noticing that twins are made."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        pass

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("self cannot be copied or pickled: copy what you need of it")

    def __repr__(self) -> str:
        ctx = self._ctx  # type: ignore[attr-defined]
        names = ", ".join(vars(self))
        return f"<{type(self).__name__} in a {NAMES[ctx.kind]}: {ctx.msg.method}{'; ' + names if names else ''}>"


class Routes:
    """The handlers of one router on one server (IRoutes)."""

    __slots__ = ("_kinds", "_route", "router", "router_class")

    def __init__(self, router: Any, kinds: dict[int, Any]) -> None:
        self.router = router
        self.router_class = type(router)
        self._kinds = kinds
        route = kinds[REQUEST].route
        self._route = getattr(route, "_sx_raw", route)

    def run(self, handler: Any, ctx: Any, done: Any) -> Work | None:
        """Run a handler on a new twin: see IRoutes."""
        kind = self._kinds[ctx.kind]
        twin = object.__new__(kind)
        twin.__dict__ = ctx.call.attributes
        twin._ctx = ctx
        return drive(handler or self._route, twin, done)


class WatchedRoutes(Routes):
    """The handlers of a router whose class has a `__setattr__` of its own: it does not see how twins are made."""

    __slots__ = ()

    def run(self, handler: Any, ctx: Any, done: Any) -> Work | None:
        """Run a handler on a new twin: see IRoutes."""
        twin = object.__new__(self._kinds[ctx.kind])
        object.__setattr__(twin, "__dict__", ctx.call.attributes)
        object.__setattr__(twin, "_ctx", ctx)
        return drive(handler or self._route, twin, done)


def bind_router(router: Any, modules: dict[str, Any]) -> Routes:
    """Make the twin classes of a router for one server."""
    kinds = {kind: _twin_class(router, modules, kind) for kind in (REQUEST, REPLY, FAILURE, BRANCH)}
    known = router.__dict__.get("_sx_twins", ())
    router.__dict__["_sx_twins"] = (*known, *kinds.values())
    return (Routes if _plain(type(router)) else WatchedRoutes)(router, kinds)


def _twin_class(router: Any, modules: dict[str, Any], kind: int) -> type:
    cls = type(router)

    def body(namespace: dict[str, Any]) -> None:
        namespace["__slots__"] = ("_ctx",)
        namespace["__module__"] = cls.__module__
        namespace["__qualname__"] = cls.__qualname__
        namespace["_sx_is_twin"] = True
        namespace.update(refusals(cls, kind))
        namespace.update(_guards(cls))
        for name in _names_of(router):
            namespace[name] = _of_router(router, name)
        for name, module in modules.items():
            namespace[name] = _functions_of(masked(module.functions, kind), module, name)
        namespace["router"] = property(lambda twin: router, doc="The router that lives as long as the server.")
        if hasattr(cls, "__del__"):
            namespace["__del__"] = lambda twin: None
        if _plain(cls):
            namespace["__setattr__"] = object.__setattr__
        namespace["__delattr__"] = object.__delattr__
        # What comes back when a name that was patched on the router is deleted there.
        namespace["_sx_own"] = dict(namespace)

    return types.new_class(cls.__name__, (Quiet, cls), {}, body)


def _guards(cls: type) -> dict[str, Any]:
    """What `__init_subclass__` could not guard: functions of mixins, which it never saw, static and class methods."""
    found = {name: (base, value) for base in reversed(cls.__mro__) for name, value in vars(base).items()}
    guards = {}
    for name, (base, value) in found.items():
        if name.startswith("__") or base is object:
            continue
        inner: Any = None
        if isinstance(value, staticmethod | classmethod):
            inner = guarded_for(value)
        elif not issubclass(base, RouterBase):
            inner = guarded(value)
        if inner is not None:
            guards[name] = inner
    return guards


def _plain(cls: type) -> bool:
    """Whether assignments on `self` are the interpreter's own, and no `__setattr__` of the user's."""
    return vars(RouterBase)["__setattr__"] is getattr(cls, "__setattr__")  # noqa: B009 - mypy would compare types


def _names_of(router: Any) -> set[str]:
    """What lives on the router object: its attributes, and slots of the user's classes."""
    names = {name for name in vars(router) if not name.startswith("_sx_")}
    for base in type(router).__mro__:
        names.update(name for name, value in vars(base).items() if isinstance(value, types.MemberDescriptorType))
    return names


def _of_router(router: Any, name: str) -> property:
    def get(twin: Any) -> Any:
        return getattr(router, name)

    def refuse(twin: Any, value: Any) -> None:
        if value is not getattr(router, name, None):
            raise AttributeError(
                f"self.{name} belongs to the router, which all calls share: assign self.router.{name} to change it "
                f"for all, or give {name} a default on the class to have one for each call"
            )

    return property(get, refuse)


def _functions_of(functions: Any, module: Any, name: str) -> property:
    new = object.__new__

    def get(twin: Any) -> Any:
        bound = new(functions)
        bound.module = module
        bound.ctx = twin._ctx
        return bound

    def refuse(twin: Any, value: Any) -> NoReturn:
        raise AttributeError(f"self.{name} is the module {module.name}: choose another name")

    return property(get, refuse)


def check_router(router: Any) -> None:
    """Refuse what would be shared by all calls by mistake. Raises ConfigError."""
    cls = type(router)
    for base in cls.__mro__:
        if "_sx_base" in vars(base) or base is object:
            continue
        for name, value in vars(base).items():
            if isinstance(value, _MUTABLE) and not name.startswith("__") and name not in ("listen", "aliases"):
                raise ConfigError(
                    f"{base.__name__}.{name} is a {type(value).__name__}, which all calls and servers would share: "
                    f"make it in __init__, or use a tuple or a frozenset"
                )
    used: dict[str, str] = {}
    for name, module in declared(cls).items():
        if module.name in used:
            raise ConfigError(f"{cls.__name__} uses the module {module.name} twice: as {used[module.name]} and {name}")
        used[module.name] = name
