"""Playing a page: its files are written into a folder, and each snippet does what a reader would do with it."""

from __future__ import annotations

import configparser
import importlib.util
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sipexpress
from sipexpress import modules
from sipexpress.errors import ConfigError
from tests.doc.shell import Shell
from tests.doc.snippets import Snippet, snippets
from tests.house.code import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PRELUDE = """
from twisted.internet.defer import gatherResults, inlineCallbacks
from sipexpress import Router, branch_route, failure_route, onreply_route
"""
# Words of SER's language, and its modules' functions that are plain tests.
_SER_WORDS = {"route", "failure_route", "onreply_route", "if", "modparam"}


class Page:
    """One page, with the folder it is played in. `play` is given each router class."""

    def __init__(self, path: Path, folder: Path, play: Callable[[type], None]) -> None:
        self._folder = folder
        self._play = play
        self._shell = Shell(folder)
        self._snippets = snippets(path)
        self._router = ("tests.routers", "Plain")
        """Where the router is that an ``in-router`` fragment derives from."""
        self._file = ""
        """The module of the last Python file, which a ``continued`` fragment goes on with."""
        self._test = ""
        """The module of the last test file."""
        self._made = 0

    def run(self) -> None:
        """All snippets in their order; AssertionError names the one that fails."""
        (self._folder / "examples").symlink_to(ROOT / "examples")
        # A command may stand before the file that it names.
        for snippet in reversed(self._snippets):
            if snippet.caption:
                self._write(snippet.caption, snippet.text)
        for snippet in self._snippets:
            try:
                self._one(snippet)
            except AssertionError as error:
                raise AssertionError(f"{snippet}: {error}") from error

    def _write(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def _one(self, snippet: Snippet) -> None:
        if snippet.caption:
            self._write(snippet.caption, snippet.text)
        kinds = {
            "python": self._python,
            "shell": self._lines,
            "toml": self._toml,
            "ini": self._ini,
            "text": self._text,
            "literalinclude": self._included,
        }
        if snippet.kind not in kinds:
            raise AssertionError("a snippet of a kind that the test does not know")
        kinds[snippet.kind](snippet)

    # Python

    def _python(self, snippet: Snippet) -> None:
        text, role, caption = snippet.text, snippet.role, snippet.caption
        if role:
            self._fragment(role, text)
        elif caption.startswith("test_"):
            self._test = caption.removesuffix(".py")
            self._trial(self._test)
        elif caption.startswith("wrong"):
            self._refused(caption)
        elif "__name__" in text or caption.endswith(".tac"):
            compile(text, caption, "exec")  # a shell line runs it
        else:
            self._module(caption.removesuffix(".py") or self._new_file(text))

    def _new_file(self, text: str) -> str:
        self._made += 1
        name = f"snippet_{self._made}"
        self._write(f"{name}.py", text)
        return name

    def _fragment(self, role: str, text: str) -> None:
        body = "".join(f"    {line}" if line.strip() else line for line in text.splitlines(True))
        if role == "in-router":
            module, name = self._router
            made = f"{_PRELUDE}\nfrom {module} import {name} as Base\n\n\nclass Fragment(Base):\n{body}"
            self._module(self._new_file(made), keep=False)
        elif role == "in-test":
            made = f"from {self._test} import *\n\n\nclass Fragment(RouterTestCase):\n{body}"
            self._trial(self._new_file(made))
        elif role == "continued":
            self._trial(self._new_file(f"from {self._file} import *\n{text}"))
        else:
            raise AssertionError(f"a fragment of an unknown class: {role}")

    def _trial(self, name: str) -> None:
        self._shell.run(f"python -m twisted.trial {name}")
        assert re.search(r"(?m)^Ran [1-9]", self._shell.output), f"no tests in {name}:\n{self._shell.output}"

    def _import(self, name: str) -> Any:
        spec = importlib.util.spec_from_file_location(f"doc_{name}", self._folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.path.insert(0, str(self._folder))
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(self._folder))
            for stem in [path.stem for path in self._folder.glob("*.py")]:
                sys.modules.pop(stem, None)
        return module

    def _module(self, name: str, keep: bool = True) -> None:
        """Import it, and play the routers that it defines."""
        module = self._import(name)
        routers = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, sipexpress.Router) and value.__module__ == module.__name__
        ]
        for router in routers:
            self._play(router)
        if keep:
            self._file = name
            if routers:
                self._router = (name, routers[-1].__name__)

    def _refused(self, caption: str) -> None:
        try:
            self._import(caption.removesuffix(".py"))
        except ConfigError:
            return
        raise AssertionError("a wrong router was imported without an error")

    # the others

    def _lines(self, snippet: Snippet) -> None:
        for line in snippet.text.splitlines():
            if line.strip():
                self._shell.run(line)

    def _toml(self, snippet: Snippet) -> None:
        content = tomllib.loads(snippet.text)
        if "tool" in content:
            given = configparser.ConfigParser()
            given.read_string((self._folder / "mypy.ini").read_text(encoding="utf-8"))
            said = {name: str(value) for name, value in content["tool"]["mypy"].items()}
            said["enable_error_code"] = ", ".join(content["tool"]["mypy"]["enable_error_code"])
            if said != dict(given["mypy"]):
                raise AssertionError(f"{said} is not {dict(given['mypy'])}")
            return
        name = snippet.caption or "fragment.toml"
        self._write(name, snippet.text)
        self._shell.run(f"twistd -n sipexpress --config={name} --check")

    def _ini(self, snippet: Snippet) -> None:
        unit = configparser.ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read_string(snippet.text)
        if snippet.caption == "mypy.ini":
            assert unit.sections() == ["mypy"], unit.sections()
            return
        assert unit.sections() == ["Unit", "Service", "Install"], unit.sections()
        command, *words = shlex.split(unit["Service"]["ExecStart"])
        assert command.endswith("/bin/twistd"), command
        (config,) = self._folder.glob("*.toml")
        self._shell.twistd([re.sub(r"--config=.*", f"--config={config.name}", word) for word in words])
        file = self._write("sipexpress.service", snippet.text.replace(command, sys.executable))
        self._shell.run(f"systemd-analyze verify {file}")

    def _text(self, snippet: Snippet) -> None:
        """The beginnings of lines that the command before has printed; or SER's language."""
        if snippet.caption == "ser.cfg":
            called = set(re.findall(r"\b([a-z]\w+) ?\(", snippet.text)) - _SER_WORDS
            known = {name for each in modules.__all__ for name in dir(getattr(modules, each).functions)}
            assert called, "nothing is called"
            assert not called - known - set(dir(sipexpress.Router)), called - known
            return
        for line in snippet.text.splitlines():
            if not any(printed.startswith(line) for printed in self._shell.output.splitlines()):
                raise AssertionError(f"{line!r} is not in\n{self._shell.output}")

    def _included(self, snippet: Snippet) -> None:
        text = (snippet.page.parent / snippet.text).read_text(encoding="utf-8")
        start = text.index(snippet.options["start-at"])
        end = text.index(snippet.options["end-before"], start)
        assert text[start:end].strip()
