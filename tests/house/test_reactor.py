"""No import installs a reactor: that is the choice of the program."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.house.code import ROOT, sources

_IMPORT_ALL = """
import importlib, importlib.util, sys
guilty = []
def check(name):
    if "twisted.internet.reactor" in sys.modules:
        guilty.append(name)
        del sys.modules["twisted.internet.reactor"]
for name in sys.argv[1:]:
    if name.endswith(".py"):
        spec = importlib.util.spec_from_file_location("example", name)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    else:
        importlib.import_module(name)
    check(name)
print(*guilty)
"""


class ReactorTests(SynchronousTestCase):
    """Each import runs in a fresh interpreter."""

    def imported(self, *names: str) -> list[str]:
        """Which of them brought a reactor."""
        run = subprocess.run(
            [sys.executable, "-c", _IMPORT_ALL, *names], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.split()

    def test_no_module_of_the_package(self) -> None:
        names = list(sources())
        self.assertIn("sipexpress.tap", names)
        self.assertIn("sipexpress.transport.resolve", names)
        self.assertEqual(self.imported(*names), [])

    def test_no_example(self) -> None:
        examples = [str(path) for path in sorted((ROOT / "examples").glob("*.py"))]
        self.assertIn(str(ROOT / "examples" / "hello_world.py"), examples)
        self.assertEqual(self.imported(*examples), [])

    def test_the_plugin_brings_neither_reactor_nor_package(self) -> None:
        run = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys, twisted.plugins.sipexpress_plugin as p\n"
                "print(p.serviceMaker.tapname, 'twisted.internet.reactor' in sys.modules, 'sipexpress' in sys.modules)",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(run.stdout.split(), ["sipexpress", "False", "False"], run.stderr)

    def test_the_check_sees_a_reactor(self) -> None:
        self.assertEqual(self.imported("sipexpress", "twisted.internet.reactor"), ["twisted.internet.reactor"])
