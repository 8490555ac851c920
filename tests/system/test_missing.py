"""What the tests do where a real program is missing: a user's run skips them, CI's run fails."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.system.programs import ROOT, environment, need


class RunTests(SynchronousTestCase):
    """A run of the tests that sees no program at all."""

    def run_tests(self, **variables: str) -> tuple[int, str, str]:
        """(exit code, what it printed, the last line of that)."""
        empty = Path(self.mktemp()).resolve()
        empty.mkdir()
        kept = {name: value for name, value in environment().items() if name != "SIPEXPRESS_CI"}
        ended = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "run.py"), "tests.system.test_sipp", "tests.system.test_baresip"],
            env={**kept, "PATH": str(empty), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return ended.returncode, ended.stdout + ended.stderr, ended.stdout.splitlines()[-1]

    def test_a_user_skips(self) -> None:
        _, text, last = self.run_tests()
        self.assertRegex(last, r"^0 passed, 0 failed, [1-9]\d* skipped$", text)
        for name in ("sipp", "baresip"):
            self.assertIn(f"{name} is not installed; see tests/system/install.sh", text)

    def test_ci_fails(self) -> None:
        code, text, last = self.run_tests(SIPEXPRESS_CI="1")
        self.assertEqual(code, 1)
        self.assertRegex(last, r"^0 passed, [1-9]\d* failed, 0 skipped$", text)
        for name in ("sipp", "baresip"):
            self.assertIn(f"{name} is not installed, and SIPEXPRESS_CI is set", text)


class NeedTests(SynchronousTestCase):
    """The same for pjsua2, which is a module."""

    def setUp(self) -> None:
        self.patch(os, "environ", {name: value for name, value in os.environ.items() if name != "SIPEXPRESS_CI"})

    def test_missing(self) -> None:
        self.patch(importlib.util, "find_spec", lambda name: None)
        self.assertRaises(SkipTest, need, "pjsua2")
        os.environ["SIPEXPRESS_CI"] = "1"
        self.assertRaises(AssertionError, need, "pjsua2")

    def test_there(self) -> None:
        os.environ["SIPEXPRESS_CI"] = "1"
        need("sh")
