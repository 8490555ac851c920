"""`use()`: SER's loadmodule and modparam as one line of a class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, NoReturn, ParamSpec, Protocol, TypeVar, cast

import attrs

from sipexpress.errors import ConfigError

P = ParamSpec("P")
F_co = TypeVar("F_co", covariant=True)


class Functions:
    """Base of the functions that routes call: made anew for each access, with the run it belongs to."""

    __slots__ = ("ctx", "module")

    ctx: Any
    """The context of the handler run."""
    module: Any
    """The module, with its parameters."""


class ModuleBase:
    """What modules share: parameters are attrs fields with SER's names, the rest is life cycle."""

    __slots__ = ()

    name: ClassVar[str]
    """SER's name of the module."""
    functions: ClassVar[type[Functions]]

    def inherit(self, before: Any) -> None:
        """Take over what `before`, the same module of the router before SIGHUP, holds."""

    def attach(self, server: Any) -> None:
        """Meet the server and other modules (``server.need``). Raises ConfigError."""

    def start(self) -> Any:
        """Begin work; may return a Deferred."""

    def stop(self) -> Any:
        """End work; may return a Deferred."""


class Module(Protocol[F_co]):
    """What `use` takes: something whose `functions` is a class."""

    @property
    def functions(self) -> type[F_co]:
        """The class of its functions."""


class Use:
    """The descriptor behind a `use()` line."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        if getattr(type(instance), "_sx_is_twin", False):  # reached through super()
            return type(instance).__dict__[self.name].__get__(instance, owner)
        raise AttributeError(f"self.{self.name} works only while a route runs")

    def __set__(self, instance: Any, value: object) -> NoReturn:
        raise AttributeError(f"self.{self.name} is the module {self.module.name}: choose another name")


def use(factory: Callable[P, Module[F_co]], *args: P.args, **kwargs: P.kwargs) -> F_co:
    """Load a module, with its parameters: ``tm = use(Tm, fr_inv_timer=20)``.

    In routes ``self.tm`` gives its functions. Raises ConfigError on an unknown parameter or
    a wrong value. A subclass that uses the module again replaces all of its parameters.
    """
    where = f"use({getattr(factory, '__name__', factory)!s})"
    try:
        module = factory(*args, **kwargs)
    except TypeError as error:
        for name in kwargs:
            if name not in parameters(factory):
                raise _unknown(factory, name, where) from None
        raise ConfigError(f"{where}: {error}") from None
    except ValueError as error:
        raise ConfigError(f"{where}: {_culprit(factory, kwargs)}{error}") from None
    return cast(Any, Use(module))  # type: ignore[no-any-return]


def parameters(factory: Any) -> list[str]:
    """The names of a module's parameters."""
    if not attrs.has(factory):
        return []
    return [field.name for field in attrs.fields(factory) if field.init]


def _unknown(factory: Any, name: str, where: str) -> ConfigError:
    known = parameters(factory)
    close = get_close_matches(name, known, 1)
    hint = (
        f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}" if known else "; there are none"
    )
    return ConfigError(f"{where}: unknown parameter {name!r}{hint}")


def _culprit(factory: Any, values: Mapping[str, Any]) -> str:
    """The name of the parameter whose value alone is refused."""
    for name, value in values.items():
        try:
            factory(**{name: value})
        except ValueError:
            return f"{name}: "
        except TypeError:
            continue
    return ""


def configured(module: Any, values: Mapping[str, Any]) -> Any:
    """A fresh copy of a module, with other parameters. Raises ConfigError."""
    known = parameters(type(module))
    for name in values:
        if name not in known:
            raise _unknown(type(module), name, f"module {module.name}")
    for name, value in values.items():
        try:
            attrs.evolve(module, **{name: value})
        except (TypeError, ValueError) as error:
            raise ConfigError(f"module {module.name}: {name}: {error}") from None
    try:
        return attrs.evolve(module, **values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"module {module.name}: {error}") from None


def declared(cls: type) -> dict[str, Any]:
    """The modules of a router class: attribute name -> module. The last class of the MRO counts; None removes."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Use):
                found[name] = value.module
            elif name in found:
                del found[name]
    return found
