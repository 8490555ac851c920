"""The TOML file."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.cli.config_file import read_config
from sipexpress.errors import ConfigError


class ConfigFileTests(SynchronousTestCase):
    """What is in it, and what may not be."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp() + ".toml").resolve()

    def read(self, text: str | bytes) -> object:
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_config(self.path)

    def refused(self, text: str | bytes, *parts: str) -> None:
        """It is refused in one line that names the file and has all of these texts."""
        error = str(self.assertRaises(ConfigError, self.read, text))
        self.assertTrue(error.startswith(f"{self.path}: "), error)
        self.assertNotIn("\n", error)
        for part in parts:
            self.assertIn(part, error)

    def test_settings_and_parameters(self) -> None:
        self.assertEqual(
            self.read(
                '[server]\nlisten = ["udp:5060", "tcp:5060"]\ntrace = true\ndrain = 2.5\n'
                '[module.tm]\nfr_timer = 10\nfr_inv_timer = "20"\n[module.registrar]\nmax_contacts = 3\n'
            ),
            (
                {"listen": ["udp:5060", "tcp:5060"], "trace": True, "drain": 2.5},
                {"tm": {"fr_timer": 10, "fr_inv_timer": "20"}, "registrar": {"max_contacts": 3}},
            ),
        )

    def test_each_half_may_be_missing(self) -> None:
        self.assertEqual(self.read(""), ({}, {}))
        self.assertEqual(self.read("[server]\n"), ({}, {}))
        self.assertEqual(self.read("[module.sl]\n"), ({}, {"sl": {}}))
        self.assertEqual(self.read('server.router = "a.B"'), ({"router": "a.B"}, {}))

    def test_no_file(self) -> None:
        error = str(self.assertRaises(ConfigError, read_config, self.path))
        self.assertEqual(error, f"{self.path}: No such file or directory")

    def test_a_directory(self) -> None:
        self.path.mkdir()
        error = str(self.assertRaises(ConfigError, read_config, self.path))
        self.assertEqual(error, f"{self.path}: Is a directory")

    def test_no_toml(self) -> None:
        self.refused("[server]\nlisten = \n", "line 2")
        self.refused("[server\n", "line 1")
        self.refused("[server]\ntrace = true\ntrace = false\n", "line 3")

    def test_no_utf8(self) -> None:
        self.refused(b'[server]\nadvertise = "\xff"\n', "utf-8")

    def test_an_unknown_table(self) -> None:
        self.refused("[servers]\n", "unknown table [servers]; did you mean 'server'?")
        self.refused("[modules.tm]\n", "unknown table [modules]; did you mean 'module'?")
        self.refused("[zzz]\n", "unknown table [zzz]; there are [server] and [module.name]")
        self.refused('listen = "udp:5060"\n', "unknown table [listen]; there are [server] and [module.name]")

    def test_what_has_to_be_a_table(self) -> None:
        self.refused("server = 5\n", "server and module have to be tables")
        self.refused("[[module]]\nname = 'tm'\n", "server and module have to be tables")
        self.refused("[module]\ntm = 5\n", "module.tm has to be a table: write [module.tm]")
        self.refused("[[module.tm]]\nfr_timer = 5\n", "module.tm has to be a table")
