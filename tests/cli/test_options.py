"""The command line of ``twistd sipexpress``, and how it meets TOML and the class."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.python.usage import UsageError
from twisted.scripts.twistd import ServerOptions  # type: ignore[attr-defined]
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.server.server import Server
from sipexpress.tap import Options, makeService

_ROUTER = """
import sipexpress
from sipexpress import use
from sipexpress.modules import Maxfwd, Tm

class Office(sipexpress.Router):
    listen = ("udp:127.0.0.1:5070",)
    aliases = ("class.example",)
    tm = use(Tm, fr_timer=3, fr_inv_timer=30)
    maxfwd = use(Maxfwd)
    def route(self):
        pass

class Other(Office):
    pass
"""


class ParseTests(SynchronousTestCase):
    """Options alone."""

    def parse(self, *arguments: str) -> Options:
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def refused(self, *arguments: str) -> str:
        return str(self.assertRaises(UsageError, self.parse, *arguments))

    def test_nothing(self) -> None:
        options = self.parse()
        self.assertEqual((options["router"], options["config"], options["app-dir"]), (None, None, "."))
        self.assertEqual((options.listen, options.aliases, options.modparams), ([], [], {}))
        self.assertFalse(options["trace"])
        self.assertFalse(options["check"])

    def test_all(self) -> None:
        options = self.parse(
            *("--router=a.B", "--config", "sip.toml", "--app-dir=src", "--advertise=sip.example:5080"),
            *("--log-level=debug", "--drain=3", "--secret-file=secret", "--trace", "--check"),
        )
        values = ("a.B", "sip.toml", "src", "sip.example:5080", "debug", "3", "secret", 1, 1)
        names = ("router", "config", "app-dir", "advertise", "log-level", "drain", "secret-file", "trace", "check")
        self.assertEqual(tuple(options[name] for name in names), values)

    def test_repeatable_ones(self) -> None:
        options = self.parse(
            *("--listen=udp:5060", "--listen", "tcp:5060", "-l", "udp:[::1]:5060"),
            *("--alias=a.example", "-a", "b.example:5080"),
            *("--modparam=tm.fr_timer=10", "-m", "tm.fr_inv_timer=20", "-m", "rr.append_fromtag=no"),
        )
        self.assertEqual(options.listen, ["udp:5060", "tcp:5060", "udp:[::1]:5060"])
        self.assertEqual(options.aliases, ["a.example", "b.example:5080"])
        self.assertEqual(
            options.modparams, {"tm": {"fr_timer": "10", "fr_inv_timer": "20"}, "rr": {"append_fromtag": "no"}}
        )

    def test_the_last_modparam_counts(self) -> None:
        self.assertEqual(self.parse("-m", "tm.fr_timer=1", "-m", "tm.fr_timer=2").modparams, {"tm": {"fr_timer": "2"}})

    def test_a_modparam_may_hold_anything(self) -> None:
        options = self.parse("-m", "a.b=", "-m", "a.c=x=y.z", "-m", "a.d=two words")
        self.assertEqual(options.modparams, {"a": {"b": "", "c": "x=y.z", "d": "two words"}})

    def test_no_modparam(self) -> None:
        for text in ("tm", "tm.fr_timer", "fr_timer=10", "tm.=10", ".fr_timer=10", "tm fr_timer=10", "5.x=1"):
            self.assertIn(f"--modparam {text}: expected module.parameter=value", self.refused("--modparam", text))

    def test_two_commands_lines_share_nothing(self) -> None:
        self.parse("--listen=udp:5060", "--alias=a", "-m", "tm.fr_timer=1")
        options = self.parse()
        self.assertEqual((options.listen, options.aliases, options.modparams), ([], [], {}))

    def test_an_unknown_option_is_answered_with_the_nearest(self) -> None:
        self.assertEqual(self.refused("--lissten=udp:5060"), "unknown option --lissten; did you mean 'listen'?")
        self.assertEqual(self.refused("--log_level", "info"), "unknown option --log_level; did you mean 'log-level'?")
        self.assertEqual(self.refused("--modparm=a.b=c"), "unknown option --modparm; did you mean 'modparam'?")
        self.assertEqual(self.refused("--zzzzz"), "unknown option --zzzzz")

    def test_an_option_without_its_value(self) -> None:
        self.assertIn("listen", self.refused("--listen"))

    def test_an_argument(self) -> None:
        self.assertEqual(
            self.refused("myrouter.Router"),
            "unexpected argument 'myrouter.Router': a router is given as --router=myrouter.Router",
        )

    def test_help_names_every_option(self) -> None:
        text = str(self.parse())
        for name in ("router", "config", "app-dir", "listen", "alias", "modparam", "advertise", "log-level", "drain"):
            self.assertRegex(text, rf"--{name}\b")

    def test_under_twistd(self) -> None:
        config: Any = ServerOptions()
        config.parseOptions(["-n", "sipexpress", "--router=a.B", "--listen=udp:5060"])
        self.assertIsInstance(config.subOptions, Options)
        self.assertEqual((config.subOptions["router"], config.subOptions.listen), ("a.B", ["udp:5060"]))

    def test_an_option_of_twistd_is_told_from_a_wrong_one(self) -> None:
        for option, name in (("--nodaemon", "nodaemon"), ("--logfile=x", "logfile"), ("--pidfile=x", "pidfile")):
            config: Any = ServerOptions()
            error = str(self.assertRaises(UsageError, config.parseOptions, ["sipexpress", option]))
            self.assertEqual(error, f"--{name} is an option of twistd itself: write it before sipexpress")

    def test_an_unknown_short_option(self) -> None:
        self.assertEqual(self.refused("-z"), "unknown option -z")


class PrecedenceTests(SynchronousTestCase):
    """Command line before TOML before the class, seen on the server that comes out."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        (self.folder / "precedence_office.py").write_text(_ROUTER, encoding="utf-8")
        path = list(sys.path)
        self.addCleanup(sys.modules.pop, "precedence_office", None)
        self.addCleanup(lambda: sys.path.__setitem__(slice(None), path))

    def serve(self, *arguments: str, toml: str = "", router: str = "precedence_office.Office") -> Server:
        """The server for a command line and a file; it opens nothing."""
        options = Options()
        given = [f"--app-dir={self.folder}", *arguments]
        if router:
            given.append(f"--router={router}")
        if toml:
            (self.folder / "sip.toml").write_text(toml, encoding="utf-8")
            given.append(f"--config={self.folder / 'sip.toml'}")
        options.parseOptions(given)
        service: Any = makeService(options)
        server = service.server
        assert isinstance(server, Server)
        return server

    def refused(self, *arguments: str, **options: Any) -> str:
        """What the program says when it ends."""
        error = self.assertRaises(SystemExit, self.serve, *arguments, **options)
        text = str(error.code)
        self.assertTrue(text.startswith("sipexpress: "), text)
        self.assertNotIn("\n", text)
        return text

    def listens(self, server: Server) -> tuple[str, ...]:
        return tuple(server.settings.listen or server.router.listen)

    def test_listen(self) -> None:
        toml = '[server]\nlisten = ["udp:127.0.0.1:5080", "tcp:127.0.0.1:5080"]'
        self.assertEqual(self.listens(self.serve()), ("udp:127.0.0.1:5070",))
        self.assertEqual(self.listens(self.serve(toml=toml)), ("udp:127.0.0.1:5080", "tcp:127.0.0.1:5080"))
        server = self.serve("--listen=udp:127.0.0.1:5090", "--listen=tcp:127.0.0.1:5090", toml=toml)
        self.assertEqual(self.listens(server), ("udp:127.0.0.1:5090", "tcp:127.0.0.1:5090"))

    def test_settings(self) -> None:
        toml = '[server]\ndrain = 7\nadvertise = "toml.example"\nlog_level = "warn"\nsecret_file = "toml.secret"'
        self.assertEqual(self.serve().settings.drain, 10)
        settings = self.serve(toml=toml).settings
        self.assertEqual((settings.drain, settings.advertise, settings.log_level), (7, "toml.example", "warn"))
        self.assertEqual(settings.secret_file, Path("toml.secret"))
        settings = self.serve(
            *("--drain=0", "--advertise=cli.example:5080", "--log-level=error", "--secret-file=cli.secret"), toml=toml
        ).settings
        self.assertEqual((settings.drain, settings.advertise, settings.log_level), (0, "cli.example:5080", "error"))
        self.assertEqual(settings.secret_file, Path("cli.secret"))

    def test_trace(self) -> None:
        self.assertFalse(self.serve().settings.trace)
        self.assertTrue(self.serve(toml="[server]\ntrace = true").settings.trace)
        self.assertTrue(self.serve("--trace", toml="[server]\ntrace = false").settings.trace)

    def test_aliases(self) -> None:
        toml = '[server]\naliases = ["toml.example"]'
        self.assertEqual(self.serve(toml=toml).settings.aliases, ("toml.example",))
        server = self.serve("--alias=a.example", "--alias=b.example", toml=toml)
        self.assertEqual(server.settings.aliases, ("a.example", "b.example"))
        self.assertIn("class.example", server.identity.aliases)

    def test_parameters(self) -> None:
        toml = "[module.tm]\nfr_timer = 4\nfr_inv_timer = 40\n[module.maxfwd]\nmax_limit = 20"

        def timers(server: Server) -> tuple[float, float, int]:
            tm = server.boot.find("tm")
            return tm.fr_timer, tm.fr_inv_timer, server.boot.find("maxfwd").max_limit

        self.assertEqual(timers(self.serve()), (3, 30, 70))
        self.assertEqual(timers(self.serve(toml=toml)), (4, 40, 20))
        self.assertEqual(timers(self.serve("--modparam=tm.fr_timer=5", toml=toml)), (5, 40, 20))
        self.assertEqual(timers(self.serve("--modparam=maxfwd.max_limit=10", "--modparam=tm.fr_timer=5")), (5, 30, 10))

    def test_the_router(self) -> None:
        toml = '[server]\nrouter = "precedence_office.Other"'
        self.assertEqual(type(self.serve(router="").router).__name__, "Lan")
        self.assertEqual(type(self.serve(router="", toml=toml).router).__name__, "Other")
        self.assertEqual(type(self.serve(toml=toml).router).__name__, "Office")

    def test_what_is_wrong_ends_the_program_in_one_line(self) -> None:
        self.assertIn("drain", self.refused("--drain=soon"))
        self.assertIn("did you mean 'listen'?", self.refused(toml="[server]\nlissten = 'udp:5060'"))
        self.assertIn("did you mean 'fr_timer'?", self.refused("--modparam=tm.fr_timr=1"))
        self.assertIn("did you mean 'tm'?", self.refused("--modparam=tmm.fr_timer=1"))
        self.assertIn("fr_timer", self.refused(toml="[module.tm]\nfr_timer = 'soon'"))
        self.assertIn("has no Offic", self.refused(router="precedence_office.Offic"))
        self.assertIn("router 5: expected a text", self.refused(router="", toml="[server]\nrouter = 5"))
        self.assertIn("unknown table", self.refused(toml="[zzz]"))
        self.assertIn("log_level", self.refused("--log-level=loud"))

    def test_check_says_what_is_good_and_ends(self) -> None:
        out = StringIO()
        self.patch(sys, "stdout", out)
        error = self.assertRaises(SystemExit, self.serve, "--check", "--listen=udp:127.0.0.1:5090")
        self.assertEqual(error.code, 0)
        self.assertEqual(
            out.getvalue(),
            "sipexpress: precedence_office.Office is good: modules tm, maxfwd; listens on udp:127.0.0.1:5090\n",
        )

    def test_a_wrong_listen_ends_it_before_anything_is_opened(self) -> None:
        self.assertIn("listen 'udp5060'", self.refused("--listen=udp5060"))
        self.assertIn("advertise 'a b'", self.refused("--advertise=a b"))
