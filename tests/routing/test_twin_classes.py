"""Router classes of every build: attrs, dataclasses, slots, mixins, and what they define."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import attrs
from zope.interface import Interface, implementer, providedBy

from sipexpress import use
from sipexpress.modules import Maxfwd
from tests.routing.case import Bare, FaceTestCase

T = TypeVar("T")


class BuildTests(FaceTestCase):
    """How a class may be made."""

    def test_init_with_arguments_runs_once(self) -> None:
        class Office(Bare):
            def __init__(self, greeting: str, *, times: int) -> None:
                made.append(greeting)
                self.greeting = greeting * times

            def route(self) -> None:
                self.ok(self.greeting)

        made = list[str]()
        self.start(Office("ho", times=2))
        self.assertEqual([self.said(self.ask()) for _ in range(2)], ["hoho", "hoho"])
        self.assertEqual(made, ["ho"])

    def test_new_runs_once(self) -> None:
        class Office(Bare):
            def __new__(cls) -> Any:
                made.append(cls.__name__)
                return super().__new__(cls)

            def route(self) -> None:
                self.ok()

        made = list[str]()
        self.start(Office)
        self.ask()
        self.assertEqual(made, ["Office"])

    def test_attrs(self) -> None:
        @attrs.define(eq=True)
        class Office(Bare):
            greeting: str = "hello"
            names: list[str] = attrs.field(factory=list)
            maxfwd = use(Maxfwd)

            async def route(self) -> None:
                self.names.append(self.method)
                self.count = 1
                self.greeting = await self.decide()

            async def decide(self) -> str:
                self.ok((self.greeting, self.names, self.count, self.maxfwd.mf_process_maxfwd_header(10)))
                return "bye"

        self.start(Office("hi"))
        self.assertEqual(self.said(self.ask()), "('hi', ['MESSAGE'], 1, True)")
        self.assertIn("self.greeting belongs to the router", self.failure(AttributeError))

    def test_attrs_and_super(self) -> None:
        class Base(Bare):
            async def route(self) -> None:
                self.ok(await self.name())

            async def name(self) -> str:
                return "base"

        @attrs.define
        class Office(Base):
            place: str = "office"

            async def route(self) -> None:
                await super().route()

            async def name(self) -> str:
                return f"{self.place} and {await super().name()}"

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "office and base")

    def test_frozen_attrs_refuse_every_assignment(self) -> None:
        @attrs.frozen
        class Office(Bare):
            greeting: str = "hello"

            def route(self) -> None:
                self.ok(self.greeting)
                self.other = 1

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "hello")
        self.assertEqual(len(self.flushLoggedErrors(attrs.exceptions.FrozenInstanceError)), 1)

    def test_dataclass(self) -> None:
        @dataclasses.dataclass
        class Office(Bare):
            greeting: str = "hello"
            names: list[str] = dataclasses.field(default_factory=list)

            def route(self) -> None:
                self.names.append(self.greeting)
                self.ok(self.names)

        self.start(Office("hi"))
        self.assertEqual([self.said(self.ask()) for _ in range(2)], ["['hi']", "['hi', 'hi']"])

    def test_dataclass_with_slots_and_super(self) -> None:
        class Base(Bare):
            async def name(self) -> str:
                return "base"

        @dataclasses.dataclass(slots=True)
        class Office(Base):
            greeting: str = "hello"

            async def route(self) -> None:
                self.ok(f"{self.greeting} {await self.name()}")

            async def name(self) -> str:
                return f"office of {await super().name()}"

        self.start(Office("hi"))
        self.assertEqual(self.said(self.ask()), "hi office of base")

    def test_slots(self) -> None:
        class Office(Bare):
            __slots__ = ("__secret", "greeting")

            def __init__(self) -> None:
                self.greeting = "hello"
                self.__secret = "tiger"

            def route(self) -> None:
                self.ok((self.greeting, self.__secret))
                self.greeting = "bye"

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "('hello', 'tiger')")
        self.assertIn("self.greeting belongs to the router", self.failure(AttributeError))

    def test_one_slot_written_as_a_text(self) -> None:
        class Office(Bare):
            __slots__ = "greeting"

            def __init__(self) -> None:
                self.greeting = "hello"

            def route(self) -> None:
                self.ok(self.greeting)

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "hello")

    def test_abstract_and_generic_classes(self) -> None:
        class Abstract(Bare, ABC, Generic[T]):
            @abstractmethod
            def name(self) -> T: ...

            def route(self) -> None:
                self.ok(self.name())

        class Office(Abstract[str]):
            def name(self) -> str:
                return "office"

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "office")

    def test_zope_interfaces(self) -> None:
        class IOffice(Interface):
            """An office."""

        @implementer(IOffice)
        class Office(Bare):
            def route(self) -> None:
                self.ok((IOffice.providedBy(self), IOffice in providedBy(self.router)))

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "(True, True)")


class MixinTests(FaceTestCase):
    """Classes beside Router."""

    class Mixin:
        """Says hello."""

        note = "mixin"

        def hello(self) -> str:
            self.note = "assigned"
            return f"{self.note} {self.method}"  # type: ignore[attr-defined]

    def test_its_methods_run_on_self(self) -> None:
        class Office(self.Mixin, Bare):  # type: ignore[name-defined, misc]
            def route(self) -> None:
                self.ok((self.note, self.hello(), self.note))

        self.start(Office)
        for _ in range(2):
            self.assertEqual(self.said(self.ask()), "('mixin', 'assigned MESSAGE', 'assigned')")

    def test_it_may_hold_the_route(self) -> None:
        class Routing:
            async def route(self: Any) -> None:
                self.ok("of a mixin")

        class Office(Routing, Bare):
            pass

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "of a mixin")


class SpecialMethodTests(FaceTestCase):
    """What a class defines for its own use, the server neither needs nor minds."""

    def test_comparison_truth_and_length(self) -> None:
        class Touchy(Bare):
            def __eq__(self, other: object) -> bool:
                raise AssertionError("compared")

            __hash__ = None  # type: ignore[assignment]

            def __bool__(self) -> bool:
                raise AssertionError("asked for its truth")

            def __len__(self) -> int:
                raise AssertionError("measured")

            async def route(self) -> None:
                self.tm.t_newtran()
                await test.pause(1)
                self.ok(await self.helper())

            async def helper(self) -> str:
                return "fine"

        test = self
        self.start(Touchy())
        self.assertEqual(self.said(self.ask(seconds=2)), "fine")

    def test_init_subclass_does_not_see_twins(self) -> None:
        class Base(Bare):
            def __init_subclass__(cls, **kwargs: Any) -> None:
                super().__init_subclass__(**kwargs)
                seen.append(cls.__name__)

        seen = list[str]()

        class Office(Base):
            def route(self) -> None:
                self.ok()

        self.start(Office)
        self.ask()
        self.assertEqual(seen, ["Office"])

    def test_del_does_not_run_for_each_message(self) -> None:
        class Office(Bare):
            def route(self) -> None:
                self.ok()

            def __del__(self) -> None:
                gone.append("gone")

        gone = list[str]()
        self.start(Office)
        self.ask()
        self.ask()
        self.assertEqual(gone, [])

    def test_setattr_and_getattr_run_on_self(self) -> None:
        class Watching(Bare):
            def __setattr__(self, name: str, value: object) -> None:
                seen.append(name)
                super().__setattr__(name, value)

            def __getattr__(self, name: str) -> str:
                return f"no {name} for {self.method}"

            def route(self) -> None:
                self.note = 1
                self.ok((self.note, self.other))

        seen = list[str]()
        self.start(Watching)
        self.assertEqual(self.said(self.ask()), "(1, 'no other for MESSAGE')")
        self.assertEqual(seen, ["note"])

    def test_getattribute_runs_on_self(self) -> None:
        class Watching(Bare):
            def __getattribute__(self, name: str) -> Any:
                seen.add(name)
                return super().__getattribute__(name)

            def route(self) -> None:
                self.ok(self.method)

        seen = set[str]()
        self.start(Watching)
        self.assertEqual(self.said(self.ask()), "MESSAGE")
        self.assertIn("method", seen)

    def test_a_property_with_a_setter(self) -> None:
        class Office(Bare):
            @property
            def name(self) -> str:
                return str(getattr(self, "_name", "nobody"))

            @name.setter
            def name(self, value: str) -> None:
                self._name = value.upper()

            def route(self) -> None:
                before = self.name
                self.name = "alice"
                self.ok((before, self.name))

        self.start(Office)
        for _ in range(2):
            self.assertEqual(self.said(self.ask()), "('nobody', 'ALICE')")
