"""Attributes on `self`: of the call, of the router, and what cannot be assigned."""

from __future__ import annotations

import copy
import pickle
from functools import cached_property
from typing import Any

from sipexpress import failure_route, onreply_route, use
from sipexpress.modules import Rr
from sipexpress.testing import IncomingCall
from tests.routing.case import Bare, FaceTestCase


class CallAttributeTests(FaceTestCase):
    """What a route assigns belongs to its call."""

    def test_two_waiting_calls_keep_apart(self) -> None:
        class Noting(Bare):
            note = "nothing"

            async def route(self) -> None:
                seen.append(self.note)
                self.note = self.from_uri
                await test.pause(1)
                seen.append(self.note)
                self.ok()

        test, seen = self, list[str]()
        self.start(Noting)
        alice, carol = self.phone("alice"), self.phone("carol")
        alice.request("MESSAGE", "bob")
        self.clock.advance(0.5)
        carol.request("MESSAGE", "bob")
        self.clock.advance(2)
        self.assertEqual(seen, ["nothing", "nothing", "sip:alice@10.0.0.1", "sip:carol@10.0.0.1"])

    def test_every_route_of_the_call_sees_them(self) -> None:
        class Retrying(Bare):
            tries = 0

            def route(self) -> None:
                self.tries += 1
                self.tm.t_on_reply(self.count)
                self.tm.t_on_failure(self.again)
                self.rewritehost("10.0.1.1")
                self.tm.t_relay()

            @onreply_route
            def count(self) -> None:
                self.tries += 10

            @failure_route
            def again(self) -> None:
                self.tries += 100
                self.tm.t_reply(480, str(self.tries))

        self.start(Retrying)
        bob = self.phone("bob")
        bob.on_call = IncomingCall.reject
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual((call.status, call.response.reason), (480, "111"))

    def test_a_later_request_of_the_dialog_does_not(self) -> None:
        class Noting(Bare):
            rr = use(Rr)
            note = "nothing"

            def route(self) -> None:
                seen.append((self.method, self.note))
                self.note = "something"
                if not self.rr.loose_route():
                    self.rewritehost("10.0.1.1")
                    self.rr.record_route()
                self.tm.t_relay()

        seen = list[tuple[str, str]]()
        self.start(Noting)
        bob = self.phone("bob")
        bob.on_call = IncomingCall.answer
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        call.bye()
        self.clock.advance(1)
        self.assertEqual(seen, [(method, "nothing") for method in ("INVITE", "ACK", "BYE")])

    def test_deleting_brings_the_default_back(self) -> None:
        class Natted(Bare):
            natted = False

            def route(self) -> None:
                before = vars(self).copy()
                self.natted = True
                during = (self.natted, vars(self).copy())
                del self.natted
                self.ok((before, during, self.natted))

        self.start(Natted)
        self.assertEqual(self.said(self.ask()), "({}, (True, {'natted': True}), False)")

    def test_one_that_was_never_assigned_is_an_attribute_error(self) -> None:
        self.route(lambda self: self.ok(self.nothing))
        self.assertEqual(self.ask().status, 500)
        self.assertEqual(self.failure(AttributeError), "'Given' object has no attribute 'nothing'")

    def test_a_property_that_raises_attribute_error_says_its_own(self) -> None:
        class Broken(Bare):
            @property
            def home(self) -> str:
                return str(self.nowhere)  # type: ignore[attr-defined]

            def route(self) -> None:
                self.ok(self.home)

        self.start(Broken)
        self.ask()
        self.assertIn("'nowhere'", self.failure(AttributeError))

    def test_a_cached_property_is_computed_once_for_each_call(self) -> None:
        class Caching(Bare):
            @cached_property
            def number(self) -> int:
                computed.append(self.method)
                return len(computed)

            def route(self) -> None:
                self.ok((self.number, self.number))

        computed = list[str]()
        self.start(Caching)
        self.assertEqual([self.said(self.ask()) for _ in range(2)], ["(1, 1)", "(2, 2)"])

    def test_private_names(self) -> None:
        class Private(Bare):
            __count = 0

            def route(self) -> None:
                self.__count += 1
                self.ok(self.__count)

        self.start(Private)
        self.assertEqual([self.said(self.ask()) for _ in range(2)], ["1", "1"])


class RouterAttributeTests(FaceTestCase):
    """What `__init__` made is read in every route, and assigned only through `self.router`."""

    class Counting(Bare):
        """Counts on the router."""

        greeting = "class"

        def __init__(self) -> None:
            self.total = 0
            self.greeting = "instance"
            self.names: dict[str, int] = {}
            self.order: list[str] = []
            self.seen: set[str] = set()

    def test_they_come_before_those_of_the_class(self) -> None:
        self.route(lambda self: self.ok(self.greeting), self.Counting)
        self.assertEqual(self.said(self.ask()), "instance")

    def test_assigning_one_says_both_ways_out(self) -> None:
        def route(self: Any) -> None:
            self.total += 1

        self.route(route, self.Counting)
        self.assertEqual(self.ask().status, 500)
        self.assertEqual(
            self.failure(AttributeError),
            "self.total belongs to the router, which all calls share: assign self.router.total to change it "
            "for all, or give total a default on the class to have one for each call",
        )
        self.assertEqual(self.server.router.total, 0)

    def test_deleting_one_is_refused(self) -> None:
        def route(self: Any) -> None:
            del self.total

        self.route(route, self.Counting)
        self.assertEqual(self.ask().status, 500)
        self.failure(AttributeError)
        self.assertEqual(self.server.router.total, 0)

    def test_through_the_router_every_call_sees_it(self) -> None:
        def route(self: Any) -> None:
            self.router.total += 1
            self.ok(self.total)

        self.route(route, self.Counting)
        self.assertEqual([self.said(self.ask()) for _ in range(3)], ["1", "2", "3"])

    def test_what_they_hold_may_be_changed(self) -> None:
        def route(self: Any) -> None:
            self.names[self.method] = 1
            self.order += [self.method]
            self.seen |= {self.method}
            self.ok()

        self.route(route, self.Counting)
        self.ask()
        self.ask("INFO")
        router = self.server.router
        self.assertEqual(router.names, {"MESSAGE": 1, "INFO": 1})
        self.assertEqual((router.order, router.seen), (["MESSAGE", "INFO"], {"MESSAGE", "INFO"}))

    def test_a_name_that_came_later_is_seen_and_guarded(self) -> None:
        def route(self: Any) -> None:
            self.ok(self.late)
            self.late = 2

        self.route(route)
        self.server.router.late = 1
        self.assertEqual(self.said(self.ask()), "1")
        self.assertIn("self.late belongs to the router", self.failure(AttributeError))

    def test_one_router_serves_two_servers(self) -> None:
        class Both(self.Counting):  # type: ignore[name-defined, misc]
            def route(self) -> None:
                self.router.total += 1
                self.ok(self.total)

        router = Both()
        self.serve(router)
        self.serve(router, host="10.0.0.2")
        answers = [self.said(self.ask()), self.said(self.ask(server=("10.0.0.2", 5060)))]
        self.assertEqual(answers, ["1", "2"])


class ObjectTests(FaceTestCase):
    """What `self` is, and what it refuses."""

    def test_it_is_an_instance_of_the_class(self) -> None:
        class Office(Bare):
            def route(self) -> None:
                self.ok((isinstance(self, Office), type(self).__name__, self.router is test.server.router))

        test = self
        self.start(Office)
        self.assertEqual(self.said(self.ask()), "(True, 'Office', True)")

    def test_repr_names_what_was_assigned_and_no_values(self) -> None:
        def route(self: Any) -> None:
            self.password = "tiger"
            self.ok(repr(self))

        self.route(route)
        self.assertEqual(self.said(self.ask()), "<Given in a route: MESSAGE; password>")

    def test_it_cannot_be_copied_or_pickled(self) -> None:
        def route(self: Any) -> None:
            for way in (copy.copy, copy.deepcopy, pickle.dumps):
                try:
                    way(self)
                except TypeError as error:
                    said.append(str(error))
            self.ok()

        said = list[str]()
        self.route(route)
        self.ask()
        self.assertEqual(said, ["self cannot be copied or pickled: copy what you need of it"] * 3)

    def test_what_the_server_gives_cannot_be_assigned(self) -> None:
        def route(self: Any) -> None:
            for name in ("msg", "reply", "branch", "router", "method", "uri", "avp"):
                try:
                    setattr(self, name, None)
                except AttributeError:
                    refused.append(name)
            self.ok(self.method)

        refused = list[str]()
        self.route(route)
        self.assertEqual(self.said(self.ask()), "MESSAGE")
        self.assertEqual(refused, ["msg", "reply", "branch", "router", "method", "uri", "avp"])

    def test_a_method_bound_in_init_says_what_is_wrong(self) -> None:
        class Table(Bare):
            def __init__(self) -> None:
                self.handlers = {"MESSAGE": self.message}

            def message(self) -> None:
                self.ok(self.method)

            def route(self) -> None:
                self.handlers[self.method]()

        self.start(Table)
        self.assertEqual(self.ask().status, 500)
        self.assertIn("this is the router itself, not a running route", self.failure(AttributeError))

    def test_a_table_of_names_or_of_functions_works(self) -> None:
        class Table(Bare):
            def message(self) -> None:
                self.ok("by name")

            def info(self) -> None:
                self.ok("by function")

            names = (("MESSAGE", "message"),)
            functions = (("INFO", info),)

            def route(self) -> None:
                for method, name in self.names:
                    if method == self.method:
                        getattr(self, name)()
                for method, function in self.functions:
                    if method == self.method:
                        function(self)

        self.start(Table)
        self.assertEqual([self.said(self.ask(method)) for method in ("MESSAGE", "INFO")], ["by name", "by function"])

    def test_super_reaches_the_message_and_the_router(self) -> None:
        class Office(Bare):
            def route(self) -> None:
                self.ok((super().method, super().router is self.router))

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "('MESSAGE', True)")

    def test_shadowing_a_function_counts_for_one_call(self) -> None:
        def route(self: Any) -> None:
            if self.method == "INFO":
                self.drop = True
            self.ok(self.drop is True)

        self.route(route)
        self.assertEqual([self.said(self.ask(method)) for method in ("INFO", "MESSAGE")], ["True", "False"])
