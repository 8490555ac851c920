"""mypy speaks up where a router is wrong: the parameters, the functions, the await."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.house.code import ROOT

WRONG = ROOT / "tests" / "house" / "wrong"


class TypesTests(SynchronousTestCase):
    """With the project's own configuration, as users are given it."""

    found: dict[str, set[tuple[int, str]]] = {}
    output = ""

    def setUp(self) -> None:
        """Ask mypy about both routers, once."""
        if not TypesTests.output:
            TypesTests.output = self.checked()
            for name, line, code in re.findall(r"^(\w+)\.py:(\d+): error: .*\[([\w-]+)\]$", self.output, re.M):
                self.found.setdefault(name, set()).add((int(line), code))

    def checked(self) -> str:
        if find_spec("mypy") is None or find_spec("mypy_zope") is None:
            raise SkipTest("mypy and mypy-zope are not installed")
        with tempfile.TemporaryDirectory() as cache:
            command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "setup.cfg")]
            run = subprocess.run(
                # As a user's program: inside tests.* the configuration is a milder one.
                [*command, "--cache-dir", os.environ.get("MYPY_CACHE_DIR", cache), "router.py", "good.py"],
                cwd=WRONG,
                env={**os.environ, "MYPYPATH": str(ROOT)},
                capture_output=True,
                text=True,
                timeout=300,
            )
        self.assertIn(run.returncode, (0, 1), run.stderr)
        return run.stdout

    def marked(self, name: str) -> set[tuple[int, str]]:
        """The lines of a file that say what is wrong with them."""
        lines = (WRONG / f"{name}.py").read_text(encoding="utf-8").splitlines()
        return {
            (number, match.group(1))
            for number, line in enumerate(lines, 1)
            if (match := re.search(r"# wrong: ([\w-]+)$", line))
        }

    def test_each_wrong_line_is_reported_and_no_other(self) -> None:
        self.assertEqual(self.found.get("router"), self.marked("router"), self.output)

    def test_every_kind_of_mistake_is_among_them(self) -> None:
        kinds = {code for _, code in self.marked("router")}
        self.assertEqual(kinds, {"call-arg", "arg-type", "attr-defined", "truthy-bool", "unused-awaitable"})

    def test_a_good_router_has_no_error(self) -> None:
        self.assertNotIn("good", self.found, self.output)
        self.assertIn("checked 2 source files", self.output)

    def test_the_nearest_right_name_is_given(self) -> None:
        for right in ("max_limit", "mf_process_maxfwd_header", "t_relay"):
            self.assertRegex(self.output, rf'(did you mean|maybe) "{right}"\?')
