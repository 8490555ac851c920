"""How --router names a router."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.cli.find_router import find_router
from sipexpress.errors import ConfigError
from sipexpress.routers import Lan

_ROUTER = """
import sipexpress

class Office(sipexpress.Router):
    def route(self):
        pass

class Home(Office):
    mark = {mark!r}

office = Office()
number = 5
"""


class FindRouterTests(SynchronousTestCase):
    """A directory with routers in it, which no test leaves in sys.modules."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        path, modules = list(sys.path), dict(sys.modules)

        def restore() -> None:
            sys.path[:] = path
            for name in set(sys.modules) - set(modules):
                if str(self.folder) in str(getattr(sys.modules[name], "__file__", "")):
                    del sys.modules[name]
            sys.modules.update(modules)

        self.addCleanup(restore)

    def write(self, name: str, text: str = _ROUTER, **values: Any) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**{"mark": "first", **values}) if "{" in text else text, encoding="utf-8")
        return path

    def find(self, spec: Any, **options: Any) -> Any:
        return find_router(spec, str(self.folder), **options)

    def refused(self, spec: str, *texts: str) -> None:
        """It is refused in one line with all of these texts."""
        error = str(self.assertRaises(ConfigError, self.find, spec))
        for text in (repr(spec), *texts):
            self.assertIn(text, error)
        self.assertNotIn("\n", error)

    # spellings

    def test_module_and_class(self) -> None:
        self.write("fr_plain.py")
        self.assertEqual(self.find("fr_plain.Office").__name__, "Office")
        self.assertIs(self.find("fr_plain:Office"), self.find("fr_plain.Office"))

    def test_package_module_and_class(self) -> None:
        self.write("fr_pkg/__init__.py", "")
        self.write("fr_pkg/deep.py")
        self.assertEqual(self.find("fr_pkg.deep.Home").__module__, "fr_pkg.deep")
        self.assertIs(self.find("fr_pkg.deep:Home"), self.find("fr_pkg.deep.Home"))

    def test_a_file(self) -> None:
        path = self.write("some/folder/fr_file.py")
        self.assertEqual(self.find("some/folder/fr_file.py:Office").__name__, "Office")
        self.assertEqual(self.find(f"{path}:Home").mark, "first")

    def test_an_object(self) -> None:
        self.write("fr_object.py")
        found = self.find("fr_object:office")
        self.assertNotIsInstance(found, type)
        self.assertEqual(type(found).__name__, "Office")

    def test_a_ready_router(self) -> None:
        self.assertIs(self.find("sipexpress.routers.Lan"), Lan)
        self.assertIs(self.find("sipexpress.routers.lan:Lan"), Lan)

    def test_the_directory_comes_first(self) -> None:
        self.write("fr_first.py")
        self.find("fr_first.Office")
        self.assertEqual(sys.path[0], str(self.folder))
        self.find("fr_first.Home")
        self.assertEqual(sys.path.count(str(self.folder)), 1)

    def test_the_router_imports_what_is_beside_it(self) -> None:
        self.write("fr_helper.py", "text = 'helped'")
        self.write("fr_helped.py", "import fr_helper\n" + _ROUTER.replace("{mark!r}", "fr_helper.text"))
        self.assertEqual(self.find("fr_helped.Home").mark, "helped")
        self.assertEqual(self.find("fr_helped.py:Home").mark, "helped")

    # what is wrong

    def test_no_class_is_named(self) -> None:
        for spec in ("office", "", ".Office", "office.", "office:", ":Office"):
            self.refused(spec, "expected module.Class or path/to/file.py:Class")
        self.refused("office.py", "expected office.py:Class")
        self.refused("some/office.py", "expected some/office.py:Class")

    def test_no_module(self) -> None:
        self.refused("fr_nowhere.Office", "there is no module 'fr_nowhere'", str(self.folder), "sys.path")
        self.write("fr_here/__init__.py", "")
        self.refused("fr_here.nowhere.Office", "there is no module 'fr_here.nowhere'")
        self.refused("sipexpress.router.Lan", "there is no module 'sipexpress.router'")

    def test_no_file(self) -> None:
        self.refused("nowhere/office.py:Office", f"there is no file {self.folder}/nowhere/office.py")

    def test_no_such_name_in_it(self) -> None:
        self.write("fr_names.py")
        self.refused("fr_names.Offices", "fr_names has no Offices; did you mean 'Office'?")
        self.refused("fr_names.Zzz", "fr_names has no Zzz; it has ", "Office", "Home")
        self.write("fr_empty.py", "x = 1")
        self.refused("fr_empty.Office", "fr_empty has no Office; it has no router")

    def test_no_router(self) -> None:
        self.write("fr_other.py")
        self.refused("fr_other.number", "number is no subclass of sipexpress.Router")
        self.refused("pathlib.Path", "Path is no subclass of sipexpress.Router")

    def test_no_directory(self) -> None:
        error = self.assertRaises(ConfigError, find_router, "a.B", str(self.folder / "gone"))
        self.assertIn("there is no such directory", str(error))
        self.assertIn("gone", str(error))

    def test_what_the_module_raises_is_the_users_to_see(self) -> None:
        self.write("fr_raises.py", "1 / 0")
        self.write("fr_imports.py", "import fr_never_written")
        self.write("fr_syntax.py", "def :")
        for spec in ("fr_raises.Office", "fr_raises.py:Office"):
            self.assertRaises(ZeroDivisionError, self.find, spec)
        for spec in ("fr_imports.Office", "fr_imports.py:Office"):
            error = self.assertRaises(ModuleNotFoundError, self.find, spec)
            self.assertEqual(error.name, "fr_never_written")
        for spec in ("fr_syntax.Office", "fr_syntax.py:Office"):
            self.assertRaises(SyntaxError, self.find, spec)

    # reading it again

    def test_fresh_reads_the_module_again(self) -> None:
        self.write("fr_again.py")
        first = self.find("fr_again.Home")
        self.write("fr_again.py", mark="second time")
        self.assertIs(self.find("fr_again.Home"), first)
        self.assertEqual(self.find("fr_again.Home", fresh=True).mark, "second time")

    def test_a_file_is_always_read_again(self) -> None:
        self.write("fr_file_again.py")
        self.assertEqual(self.find("fr_file_again.py:Home").mark, "first")
        self.write("fr_file_again.py", mark="second time")
        self.assertEqual(self.find("fr_file_again.py:Home").mark, "second time")

    def test_what_cannot_be_read_again_changes_nothing(self) -> None:
        for broken in ("1 / 0", "import fr_never_written", "def :"):
            for number, spec in enumerate(("fr_broken_{}.Home", "fr_broken_{}.py:Home")):
                name = f"fr_broken_{number}_{abs(hash(broken))}"
                self.write(f"{name}.py")
                found = self.find(spec.replace("fr_broken_{}", name))
                self.write(f"{name}.py", broken)
                with self.assertRaises((ZeroDivisionError, ModuleNotFoundError, SyntaxError)):
                    self.find(spec.replace("fr_broken_{}", name), fresh=True)
                self.assertIs(sys.modules[name].Home, found, f"{spec}: {broken}")

    def test_a_module_that_has_gone_changes_nothing(self) -> None:
        path = self.write("fr_gone.py")
        found = self.find("fr_gone.Home")
        path.unlink()
        error = self.assertRaises(ConfigError, self.find, "fr_gone.Home", fresh=True)
        self.assertIn("there is no module 'fr_gone'", str(error))
        self.assertIs(sys.modules["fr_gone"].Home, found)

    def test_the_own_modules_are_not_read_again(self) -> None:
        self.assertIs(self.find("sipexpress.routers.Lan", fresh=True), Lan)
        self.assertIs(self.find("sipexpress.routers.lan.Lan", fresh=True), Lan)

    # a file's name is the user's choice

    def test_a_file_may_be_called_like_another_module(self) -> None:
        import json
        import queue

        self.write("queue.py")
        self.assertEqual(self.find("queue.py:Office").__name__, "Office")
        self.assertIs(sys.modules["queue"], queue)
        self.write("json.py", "1 / 0")
        self.assertRaises(ZeroDivisionError, self.find, "json.py:Office")
        self.assertIs(sys.modules["json"], json)

    def test_a_relative_name_is_refused_in_one_line(self) -> None:
        self.refused("..office.Office", "expected module.Class or path/to/file.py:Class")
        self.refused(".office:Office", "expected module.Class or path/to/file.py:Class")

    def test_what_is_no_text_is_refused(self) -> None:
        self.assertIn("router 5: expected a text", str(self.assertRaises(ConfigError, self.find, 5)))
