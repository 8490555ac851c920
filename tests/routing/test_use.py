"""`use()`: modules and their parameters on the lines of a class."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.errors import ConfigError
from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc
from sipexpress.modules.tm import TmFunctions
from tests.routing.case import Bare, FaceTestCase


class WrongLineTests(FaceTestCase):
    """What is wrong with a line is said when the class is made, and shows that line."""

    def refused(self, make: Callable[[], object]) -> str:
        """The message of the ConfigError that `make` raises."""
        return str(self.assertRaises(ConfigError, make))

    def test_an_unknown_parameter_is_answered_with_the_nearest(self) -> None:
        said = self.refused(lambda: use(Tm, fr_inv_timr=20))  # type: ignore[call-arg]
        self.assertEqual(said, "use(Tm): unknown parameter 'fr_inv_timr'; did you mean 'fr_inv_timer'?")

    def test_an_unknown_parameter_far_from_all(self) -> None:
        said = self.refused(lambda: use(Maxfwd, zzz=1))  # type: ignore[call-arg]
        self.assertEqual(said, "use(Maxfwd): unknown parameter 'zzz'; there are max_limit")

    def test_a_module_without_parameters(self) -> None:
        said = self.refused(lambda: use(Sl, tag="x"))  # type: ignore[call-arg]
        self.assertEqual(said, "use(Sl): unknown parameter 'tag'; there are none")

    def test_a_wrong_value_names_its_parameter(self) -> None:
        said = self.refused(lambda: use(Tm, retr_timer1=0.5, fr_inv_timer="20s"))
        self.assertEqual(said, "use(Tm): fr_inv_timer: '20s': expected a number of seconds")

    def test_a_value_out_of_range_names_its_parameter(self) -> None:
        said = self.refused(lambda: use(Maxfwd, max_limit=300))
        self.assertEqual(said, "use(Maxfwd): max_limit: 300: expected a number from 0 to 255")

    def test_no_positional_parameters(self) -> None:
        self.assertIn("use(Tm): ", self.refused(lambda: use(Tm, 20)))  # type: ignore[call-arg]

    def test_it_is_raised_on_the_line_of_the_user(self) -> None:
        try:

            class Wrong(sipexpress.Router):
                maxfwd = use(Maxfwd)
                tm = use(Tm, fr_timer="soon")

        except ConfigError as error:
            lines = [frame.line for frame in traceback.extract_tb(error.__traceback__) if frame.filename == __file__]
            self.assertEqual(lines[-1], 'tm = use(Tm, fr_timer="soon")')
        else:
            self.fail("a wrong value was accepted")

    def test_numbers_may_be_texts(self) -> None:
        self.start(type("Texts", (Bare,), {"maxfwd": use(Maxfwd, max_limit="7")}))
        self.assertEqual(self.server.boot.modules["maxfwd"].max_limit, 7)


class NameTests(FaceTestCase):
    """The attribute that a module is bound to."""

    def test_a_name_of_the_router_is_refused(self) -> None:
        def make() -> None:
            class Hiding(sipexpress.Router):
                uri = use(Sl)  # type: ignore[assignment]

        said = str(self.assertRaises(ConfigError, make))
        self.assertEqual(said, "Hiding.uri = use(...) hides Router.uri: call it uri_mod, for example")

    def test_a_mixin_hides_no_name_either(self) -> None:
        class Mixin:
            drop = use(Sl)

        def make() -> None:
            class Hiding(Mixin, sipexpress.Router):  # type: ignore[misc]
                pass

        self.assertIn("hides Router.drop", str(self.assertRaises(ConfigError, make)))

    def test_any_other_name_will_do(self) -> None:
        class Other(sipexpress.Router):
            answer = use(Sl)

            def route(self) -> None:
                self.answer.sl_send_reply(200, "OK")

        self.start(Other)
        self.assertEqual(self.ask().status, 200)

    def test_a_mixin_brings_modules(self) -> None:
        class Answering:
            sl = use(Sl)

        class Office(Answering, sipexpress.Router):
            def route(self) -> None:
                self.sl.sl_send_reply(200, "OK")

        self.start(Office)
        self.assertEqual(self.ask().status, 200)

    def test_one_module_twice_is_refused_at_boot(self) -> None:
        class Twice(Bare):
            again = use(Tm)

        self.assertEqual(
            str(self.assertRaises(ConfigError, self.serve, Twice)),
            "Twice uses the module tm twice: as tm and again",
        )


class InheritanceTests(FaceTestCase):
    """What a subclass makes of the modules of its base."""

    class Base(Bare):
        tm = use(Tm, fr_timer=7, fr_inv_timer=20)
        maxfwd = use(Maxfwd, max_limit=10)

        def route(self) -> None:
            self.sl.sl_send_reply(200, "OK")

    def test_it_has_them_all(self) -> None:
        self.start(type("Office", (self.Base,), {}))
        self.assertEqual(sorted(self.server.boot.modules), ["maxfwd", "sl", "tm"])

    def test_none_removes_one(self) -> None:
        class Office(self.Base):  # type: ignore[name-defined, misc]
            tm = None

            def route(self) -> None:
                self.sl.sl_send_reply(200, repr(self.tm))

        self.start(Office)
        self.assertEqual(sorted(self.server.boot.modules), ["maxfwd", "sl"])
        self.assertEqual(self.said(self.ask()), "None")

    def test_another_line_replaces_all_parameters(self) -> None:
        self.start(type("Office", (self.Base,), {"tm": use(Tm, fr_inv_timer=30)}))
        tm = self.server.boot.modules["tm"]
        self.assertEqual((tm.fr_timer, tm.fr_inv_timer), (0.0, 30.0))

    def test_the_parameters_of_the_command_line_come_last(self) -> None:
        self.start(self.Base, modparams={"tm": {"fr_timer": "9"}})
        tm = self.server.boot.modules["tm"]
        self.assertEqual((tm.fr_timer, tm.fr_inv_timer), (9.0, 20.0))

    def test_two_servers_of_one_class_have_their_own(self) -> None:
        one = self.serve(self.Base, modparams={"maxfwd": {"max_limit": 5}})
        two = self.serve(self.Base, host="10.0.0.2")
        self.assertEqual([server.boot.modules["maxfwd"].max_limit for server in (one, two)], [5, 10])
        self.assertIsNot(one.boot.modules["tm"], two.boot.modules["tm"])

    def test_registrations_of_two_servers_do_not_meet(self) -> None:
        class Registering(sipexpress.Router):
            usrloc = use(Usrloc)
            registrar = use(Registrar)
            sl = use(Sl)

            async def route(self) -> Any:
                if self.method == "REGISTER":
                    return await self.registrar.save("location")
                found = await self.registrar.registered("location")
                return self.sl.sl_send_reply(200 if found else 404)

        self.serve(Registering)
        self.serve(Registering, host="10.0.0.2")
        self.registered("bob")
        elsewhere = self.ask(server=("10.0.0.2", 5060))
        here = self.ask()
        self.assertEqual((here.status, elsewhere.status), (200, 404))


class AccessTests(FaceTestCase):
    """Where `self.tm` works, and what it is."""

    def test_in_a_route_it_is_the_functions_class(self) -> None:
        self.route(lambda self: self.ok(isinstance(self.tm, TmFunctions)))
        self.assertEqual(self.said(self.ask()), "True")

    def test_on_the_class_it_is_the_line_itself(self) -> None:
        self.assertEqual(Bare.tm.name, "tm")  # type: ignore[attr-defined]

    def test_outside_of_routes_it_says_why_not(self) -> None:
        router = Bare()
        self.assertEqual(
            str(self.assertRaises(AttributeError, lambda: router.tm.t_relay())),
            "self.tm works only while a route runs",
        )

    def test_it_cannot_be_assigned_on_the_router(self) -> None:
        said = self.assertRaises(AttributeError, setattr, Bare(), "tm", 5)
        self.assertEqual(str(said), "self.tm is the module tm: choose another name")

    def test_it_cannot_be_assigned_in_a_route(self) -> None:
        def route(self: Any) -> None:
            self.tm = 5

        self.route(route)
        self.assertEqual(self.ask().status, 500)
        self.assertEqual(self.failure(AttributeError), "self.tm is the module tm: choose another name")

    def test_through_super(self) -> None:
        class Office(Bare):
            def route(self) -> None:
                super().sl.sl_send_reply(200, "Through super")

        self.start(Office)
        self.assertEqual(self.said(self.ask()), "Through super")

    def test_kept_across_a_wait_it_stays_with_its_call(self) -> None:
        class Keeping(Bare):
            async def route(self) -> None:
                sl = self.sl
                await test.pause(1)
                sl.sl_send_reply(200, self.from_uri)

        test = self
        self.start(Keeping)
        alice, carol = self.phone("alice"), self.phone("carol")
        one = alice.request("MESSAGE", "bob")
        self.clock.advance(0.5)
        two = carol.request("MESSAGE", "bob")
        self.clock.advance(2)
        self.assertEqual([self.said(one), self.said(two)], ["sip:alice@10.0.0.1", "sip:carol@10.0.0.1"])

    def test_a_misspelt_function_is_an_attribute_error(self) -> None:
        self.route(lambda self: self.tm.t_relai())
        self.assertEqual(self.ask().status, 500)
        self.assertIn("t_relai", self.failure(AttributeError))

    def test_a_module_that_needs_another_one(self) -> None:
        class Incomplete(sipexpress.Router):
            rr = use(Rr)
            registrar = use(Registrar)

        self.assertIn("usrloc = use(Usrloc)", str(self.assertRaises(ConfigError, self.serve, Incomplete)))
