"""The command ``twistd sipexpress``: what it says of a configuration before it serves."""

from __future__ import annotations

import socket

from tests.system.command import ROUTER, CommandCase


class RefusalTests(CommandCase):
    """What is wrong ends the command with 1 and one line that says what to do."""

    def test_no_such_router(self) -> None:
        self.assertIn("'nosuch'", self.refused("--router=nosuch.Router", self.listen))
        self.assertIn("nosuch.py", self.refused("--router=nosuch.py:Router", self.listen))
        self.write("myrouter.py", ROUTER)
        self.assertIn("did you mean 'MyRouter'?", self.refused("--router=myrouter.MyRoutr", self.listen))

    def test_modparam(self) -> None:
        said = self.refused("--modparam=registrar.default_expire=60", self.listen)
        self.assertIn("'default_expire'", said)
        self.assertIn("did you mean 'default_expires'?", said)
        said = self.refused("--modparam=registar.default_expires=60", self.listen)
        self.assertIn("'registar'", said)
        self.assertIn("did you mean 'registrar'?", said)

    def test_toml(self) -> None:
        for text, wrong, right in (
            ("[server]\nalises = ['x']", "'alises'", "aliases"),
            ("[servr]\ndrain = 1", "[servr]", "server"),
            ("[module.registar]\ndefault_expires = 60", "'registar'", "registrar"),
            ("[module.registrar]\ndefault_expire = 60", "'default_expire'", "default_expires"),
        ):
            self.write("sip.toml", text)
            said = self.refused("--config=sip.toml", self.listen)
            self.assertIn(wrong, said)
            self.assertIn(f"did you mean {right!r}?", said)
        self.write("sip.toml", "[server]\ndrain = = 1")
        self.assertIn("line 2", self.refused("--config=sip.toml", self.listen))
        self.assertIn("none.toml: No such file", self.refused("--config=none.toml"))

    def test_a_module_that_needs_another(self) -> None:
        self.write("myrouter.py", ROUTER.replace(", usrloc, ", ", ").replace("use(Usrloc), ", ""))
        said = self.refused("--router=myrouter.MyRouter", self.listen)
        self.assertIn("registrar", said)
        self.assertIn("use(Usrloc)", said)

    def test_an_unknown_option(self) -> None:
        done = self.twistd("--lissten=udp:5060")
        self.assertEqual(done.returncode, 1)
        self.assertIn("unknown option --lissten; did you mean 'listen'?", done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stdout + done.stderr)

    def test_a_router_that_raises(self) -> None:
        self.write("myrouter.py", "import sipexpress\n\nprint(1 / 0)\n")
        for router in ("myrouter.MyRouter", "myrouter.py:MyRouter"):
            done = self.twistd(f"--router={router}", self.listen)
            self.assertEqual(done.returncode, 1)
            self.assertIn("Traceback", done.stderr)
            self.assertIn('myrouter.py", line 3', done.stderr)
            self.assertIn("ZeroDivisionError", done.stderr)

    def test_a_router_that_cannot_start(self) -> None:
        started = "\n    def started(self, server):\n        raise sipexpress.errors.ConfigError('no database')\n"
        self.write("myrouter.py", ROUTER + started)
        said = self.refused("--router=myrouter.MyRouter", self.listen, self.listen.replace("udp", "tcp"))
        self.assertEqual(said, "sipexpress: no database\n")

    def test_an_import_that_fails_inside_the_router(self) -> None:
        self.write("myrouter.py", "import sipexpress\nimport nosuch_helper\n")
        done = self.twistd("--router=myrouter.MyRouter", self.listen)
        self.assertEqual(done.returncode, 1)
        self.assertIn('myrouter.py", line 2', done.stderr)
        self.assertIn("nosuch_helper", done.stderr)


class CheckTests(CommandCase):
    """--check opens nothing and says one line."""

    def test_good(self) -> None:
        self.write("myrouter.py", ROUTER)
        # A port that is taken is no fault of the configuration.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", self.port))
            done = self.twistd("--check", "--router=myrouter.MyRouter", self.listen)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)
        self.assertIn("myrouter.MyRouter is good", done.stdout)
        self.assertFalse((self.folder / "secret").exists())

    def test_bad(self) -> None:
        self.assertIn("'nosuch'", self.refused("--check", "--router=nosuch.Router"))


class ListenTests(CommandCase):
    """The same for what it is to listen on."""

    def test_a_port_is_taken(self) -> None:
        for protocol, kind in (("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)):
            with socket.socket(socket.AF_INET, kind) as holder:
                holder.bind(("127.0.0.1", self.port))
                if kind == socket.SOCK_STREAM:
                    holder.listen()
                said = self.refused(f"--listen={protocol}:127.0.0.1:{self.port}")
            self.assertIn(f"{protocol}:127.0.0.1:{self.port}", said)
            self.assertIn("taken", said)

    def test_an_address_of_another_machine(self) -> None:
        self.assertIn("udp:192.0.2.1:5060", self.refused("--listen=udp:192.0.2.1:5060"))

    def test_tls(self) -> None:
        self.assertIn("tls is not there yet", self.refused(f"--listen=tls:127.0.0.1:{self.port}"))

    def test_check_sees_what_it_cannot_listen_on(self) -> None:
        self.assertIn("tls is not there yet", self.refused("--check", f"--listen=tls:127.0.0.1:{self.port}"))
