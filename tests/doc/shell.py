"""Shell lines of the documentation, run in the folder of their page; a server that answers is ended again."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from unittest import SkipTest

from tests.house.code import ROOT
from tests.system.messages import exchange, request
from tests.system.ports import free_port
from tests.system.programs import Program, environment, until

_BIN = Path(sys.executable).parent
_PORT = re.compile(r":5060\b")


class Shell:
    """Runs one line after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {**environment(), "MYPYPATH": str(ROOT)}
        self.output = ""
        """What the last program printed."""

    def run(self, line: str) -> None:
        """Run a line. Raises AssertionError when it is of an unknown kind, or does not end well."""
        words = shlex.split(line, comments=True)
        name, rest = words[0], words[1:]
        if name == "apt" or (name, rest[:1]) == ("pip", ["install"]):
            return  # installs packages
        if name == "systemd-analyze":
            if shutil.which(name):
                self._ends(words)
        elif name == "make":
            self._make(rest)
        elif name == "twistd":
            self.twistd(rest)
        elif name == "mypy":
            self._mypy(rest)
        elif name == "python" and rest[:2] == ["-m", "twisted.trial"]:
            self._ends([sys.executable, *rest])
        elif name == "python" and len(rest) == 1:
            self._program([sys.executable], rest[0])
        else:
            raise AssertionError(f"a shell line of an unknown kind: {line}")

    def _ends(self, command: list[str], codes: tuple[int, ...] = (0,), folder: Path | None = None) -> None:
        ended = subprocess.run(
            command,
            cwd=folder or self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self.output = ended.stdout
        if ended.returncode not in codes:
            raise AssertionError(f"{shlex.join(command)} ended with {ended.returncode}:\n{ended.stdout}")

    def _make(self, words: list[str]) -> None:
        """What it would do: tests start no installation."""
        if shutil.which("make") is None:
            raise SkipTest("make is not installed")
        self._ends(["make", "-n", *words], folder=ROOT)

    def _mypy(self, words: list[str]) -> None:
        if find_spec("mypy") is None:
            raise SkipTest("mypy is not installed")
        self._ends([sys.executable, "-m", "mypy", "--cache-dir", str(self._folder / "cache"), *words], (0, 1))

    def twistd(self, words: list[str]) -> None:
        """``twistd [options] sipexpress [options]`` in the foreground, or ``twistd -ny file``."""
        command = [str(_BIN / "twistd")]
        if words[:1] == ["-ny"]:
            self._program([*command, "-ny"], words[1])
            return
        if "--check" in words:
            self._ends([*command, *words])
            if " is good" not in self.output:
                raise AssertionError(f"--check says: {self.output}")
            return
        at = words.index("sipexpress")
        before, behind = words[:at], words[at + 1 :]
        if "-n" not in before:
            before.append("-n")
        port = free_port()
        here = f":127.0.0.1:{port}"
        if any(word.startswith("--listen=") for word in behind):
            behind = [_PORT.sub(here, word) for word in behind]
        else:
            behind += [f"--listen={protocol}{here}" for protocol in ("udp", "tcp")]
        self._serves([*command, *before, "sipexpress", f"--secret-file={self._folder / 'secret'}", *behind], port)

    def _program(self, command: list[str], name: str) -> None:
        """A file of the page that runs a server at port 5060: here it gets a free one."""
        port = free_port()
        text = (self._folder / name).read_text(encoding="utf-8")
        moved = self._folder / f"moved_{name}"
        moved.write_text(_PORT.sub(f":{port}", text), encoding="utf-8")
        self._serves([*command, moved.name], port)

    def _serves(self, command: list[str], port: int) -> None:
        """Start it, ask it, end it: it has to end well and to have logged no error."""
        for old in self._folder.glob("*.log"):
            old.unlink()
        program = Program("program", command, self._folder)
        try:
            until(f"{shlex.join(command)} answers", lambda: self._answers(program, port))
            program.process.send_signal(signal.SIGINT)
            code = program.wait()
        finally:
            program.kill()
        self.output = program.text() + "".join(path.read_text() for path in self._folder.glob("*.log"))
        if code not in (0, -signal.SIGINT):
            raise AssertionError(f"{shlex.join(command)} ended with {code}:\n{self.output}")
        if re.search(r"#(error|critical)\]|Traceback|Unhandled", self.output):
            raise AssertionError(f"{shlex.join(command)} has logged an error:\n{self.output}")

    def _answers(self, program: Program, port: int) -> bool:
        if program.process.poll() is not None:
            raise AssertionError(f"it ended with {program.process.returncode}:\n{program.tail()}")
        return exchange(port, request("OPTIONS", port), 0.25).startswith("SIP/2.0 ")
