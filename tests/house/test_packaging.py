"""What is installed: the package, the plugin that makes `twistd sipexpress` known, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.house.code import ROOT

_LEFT_OUT = shutil.ignore_patterns(
    ".*", "build", "dist", "*.egg-info", "__pycache__", "_trial_temp*", "_build", "dropin.cache"
)
_TWISTD = "from twisted.scripts.twistd import run; run()"


def run(*command: object, cwd: Path) -> str:
    """What a program prints."""
    ended = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=120)
    if ended.returncode:
        raise AssertionError(f"{command}:\n{ended.stdout}\n{ended.stderr}")
    return ended.stdout + ended.stderr


class PackagingTests(SynchronousTestCase):
    """Each install goes into an environment of its own, which borrows Twisted from the running one."""

    def setUp(self) -> None:
        """An empty environment, an empty directory, and a copy of the project."""
        for needed in ("pip", "setuptools"):
            if find_spec(needed) is None:
                raise SkipTest(f"{needed} is not installed")
        self.folder = Path(self.mktemp()).resolve()
        self.elsewhere = self.folder / "elsewhere"
        self.elsewhere.mkdir(parents=True)
        self.project = self.folder / "project"
        shutil.copytree(ROOT, self.project, ignore=_LEFT_OUT)
        venv = self.folder / "venv"
        run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=self.folder)
        self.python = venv / "bin" / "python"
        (packages,) = venv.glob("lib/python3*/site-packages")
        borrowed = [path for path in sys.path if path.endswith("-packages")]
        (packages / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")

    def install(self, *what: object) -> None:
        """With pip of the running environment, from here only."""
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.python, "install")
        run(
            *pip,
            *("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"),
            *what,
            cwd=self.elsewhere,
        )

    def twistd(self, *arguments: str) -> str:
        """Run twistd where neither the project nor its directory is at hand."""
        return run(self.python, "-I", "-c", _TWISTD, *arguments, cwd=self.elsewhere)

    def wheel(self) -> Path:
        """Build it."""
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet")
        run(
            *pip,
            *("--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", self.folder / "dist", self.project),
            cwd=self.elsewhere,
        )
        (wheel,) = (self.folder / "dist").glob("sipexpress-*.whl")
        return wheel

    def assert_known(self) -> None:
        self.assertRegex(self.twistd("--help"), r"(?m)^ +sipexpress +A SIP server")
        self.assertIn("sipexpress.routers.lan.Lan is good", self.twistd("-n", "sipexpress", "--check"))

    def test_a_wheel_makes_twistd_sipexpress_known(self) -> None:
        self.assertNotIn("sipexpress", self.twistd("--help"))
        self.install(self.wheel())
        self.assert_known()
        where = run(self.python, "-I", "-c", "import sipexpress; print(sipexpress.__file__)", cwd=self.elsewhere)
        self.assertTrue(Path(where.strip()).is_relative_to(self.folder / "venv"), where)

    def test_an_editable_install_makes_it_known_too(self) -> None:
        self.install("--editable", self.project)
        self.assert_known()
        where = run(self.python, "-I", "-c", "import sipexpress; print(sipexpress.__file__)", cwd=self.elsewhere)
        self.assertTrue(Path(where.strip()).is_relative_to(self.project), where)

    def test_the_wheel_holds_the_package_and_nothing_else(self) -> None:
        with zipfile.ZipFile(self.wheel()) as wheel:
            names = set(wheel.namelist())
            (metadata,) = (wheel.read(name).decode() for name in names if name.endswith("/METADATA"))
        self.assertTrue({"sipexpress/py.typed", "twisted/plugins/sipexpress_plugin.py"} <= names)
        self.assertNotIn("twisted/__init__.py", names)
        self.assertNotIn("twisted/plugins/__init__.py", names)
        expected = {str(path.relative_to(self.project)) for path in (self.project / "sipexpress").rglob("*.py")}
        self.assertEqual(expected - names, set())
        others = {
            name
            for name in names
            if not re.match(r"sipexpress/|sipexpress-[^/]+\.dist-info/|twisted/plugins/sipexpress_plugin\.py\Z", name)
        }
        self.assertEqual(others, set())
        self.assertRegex(metadata, r"(?mi)^Requires-Dist: twisted\[tls\]")
        self.assertRegex(metadata, r"(?m)^Requires-Python: >=3\.10")
