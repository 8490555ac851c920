"""What is written in the project speaks of the project only."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.house.code import ROOT

_ABSOLUTE = re.compile(r"(?<![\w.:/<>*}\])\\-])/([A-Za-z]\w*)/[\w.-]")
_UPWARDS = re.compile(r"(?<![\w./])((?:\.\./)+[\w.-][\w./-]*)")
# What every machine has.
_EVERYWHERE = {"bin", "dev", "etc", "lib", "opt", "proc", "run", "sbin", "sys", "usr", "var"}
_SKIP = {".venv", ".git", "__pycache__", "build", "dist", "_build", ".mypy_cache", ".ruff_cache", ".hypothesis"}
_TEXT = {"", ".py", ".md", ".rst", ".txt", ".cfg", ".toml", ".sh", ".in", ".yml", ".yaml", ".xml", ".html"}


def places(text: str, folder: Path = ROOT) -> list[str]:
    """The places outside of the project that a text in `folder` names."""
    found = [match.group() for match in _ABSOLUTE.finditer(text) if match.group(1) not in _EVERYWHERE]
    for match in _UPWARDS.finditer(text):
        if not (folder / match.group(1)).resolve().is_relative_to(ROOT):
            found.append(match.group())
    return found


def texts() -> list[Path]:
    """The text files that belong to the project: those that git knows or would take, else all there are."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        files = [path for path in ROOT.rglob("*") if not _SKIP & set(path.relative_to(ROOT).parts)]
    return [path for path in files if path.is_file() and path.suffix in _TEXT]


class TextTests(SynchronousTestCase):
    """No mention of places outside of the project."""

    def test_no_place_outside_is_named(self) -> None:
        found = {
            str(path.relative_to(ROOT)): names
            for path in texts()
            if (names := places(path.read_text(encoding="utf-8", errors="replace"), path.parent))
        }
        self.assertEqual(found, {})

    def test_the_whole_project_is_looked_at(self) -> None:
        names = {str(path.relative_to(ROOT)) for path in texts()}
        self.assertTrue({"README.md", "setup.cfg", "Makefile", "sipexpress/tap.py", "tests/run.py"} <= names)

    def test_a_place_outside_is_seen(self) -> None:
        # Put together, so that this file passes its own test.
        for parts in (("see ", "home", "me", "sip.py"), ("cd ", "srv", "sip"), ("open('", "tmp", "log.txt")):
            self.assertNotEqual(places("/".join(parts)), [], parts)
        self.assertNotEqual(places("/".join(("..", "notes.md"))), [])
        self.assertNotEqual(places("/".join(("..", "..", "..", "notes.md")), ROOT / "tests" / "sip"), [])

    def test_what_belongs_to_every_machine_passes(self) -> None:
        for text in (
            "/etc/resolv.conf",
            "/usr/bin/python3",
            "path/to/file.py:Class",
            "SIP/2.0/UDP",
            "https://example.org/some/page",
        ):
            self.assertEqual(places(text), [], text)
        self.assertEqual(places("../data/x", ROOT / "tests" / "sip"), [])
