"""The programs of the system tests: the server itself, and whatever else runs beside it."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import SkipTest

from tests.system.messages import exchange, request

ROOT = Path(__file__).resolve().parent.parent.parent
HELLO_WORLD = f"--router={ROOT / 'examples' / 'hello_world.py'}:HelloWorld"
_TWISTD = str(Path(sys.executable).parent / "twistd")
PATIENCE = 10.0
"""Seconds that anything which takes well under one may take on a busy machine."""


def need(name: str) -> None:
    """Skip the test when a program or module is missing; where SIPEXPRESS_CI is set, fail."""
    if shutil.which(name) or (name == "pjsua2" and importlib.util.find_spec(name)):
        return
    if os.environ.get("SIPEXPRESS_CI"):
        raise AssertionError(f"{name} is not installed, and SIPEXPRESS_CI is set")
    raise SkipTest(f"{name} is not installed; see tests/system/install.sh")


def free_port() -> int:
    """A port that is free on 127.0.0.1 for UDP and TCP, outside the range of outgoing connections."""
    for _ in range(1000):
        port = random.randrange(15000, 32000, 2)
        if all(_is_free(kind, port) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)):
            return port
    raise AssertionError("no free port")


def _is_free(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_bound(port: int, protocol: str) -> bool:
    """Whether somebody has the port; asked without taking it for a moment."""
    table = Path(f"/proc/net/{protocol}").read_text(encoding="ascii")
    return f":{port:04X} " in "".join(f"{line.split()[1]} " for line in table.splitlines()[1:])


def until(what: str, holds: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first true value of `holds()`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def environment() -> dict[str, str]:
    """For child processes: they find this project, and print at once."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def twistd(folder: Path, *options: str, daemon: bool = False) -> list[str]:
    """The command line of ``twistd sipexpress``; its secret and its process id stay in `folder`."""
    before = ["--pidfile=twistd.pid", "--logfile=daemon.log"] if daemon else ["-n", "--pidfile="]
    return [_TWISTD, *before, "sipexpress", f"--secret-file={folder / 'secret'}", *options]


class Program:
    """A child process with its output in a file. It is the leader of its own process group."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self.output = folder / f"{name}.out"
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        """The end of its output, for messages."""
        return f"\n--- the end of the output of {self.name} ---\n{self.text()[-3000:]}"

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds:g} s{self.tail()}") from None

    def kill(self) -> None:
        """Not even its children are left; for cleaning up."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Server(Program):
    """``twistd sipexpress`` on one port of 127.0.0.1, UDP and TCP; made and ended by a test."""

    def __init__(self, case: Any, *options: str, folder: Path | None = None) -> None:
        if folder is None:
            folder = Path(case.mktemp()).resolve()
            folder.mkdir()
        self.folder = folder
        self.port = free_port()
        listen = [f"--listen={protocol}:127.0.0.1:{self.port}" for protocol in ("udp", "tcp")]
        super().__init__("server", twistd(folder, *options, *listen), folder)
        case.addCleanup(self.kill)
        until("the server answers", self._answers)

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}{self.tail()}")
        return exchange(self.port, request("OPTIONS", self.port), 0.25).startswith("SIP/2.0 ")

    def stop(self) -> None:
        """End it as an operator does. It has to end well, and to have logged no error."""
        self.process.send_signal(signal.SIGTERM)
        code = self.wait(PATIENCE + 10)
        if code != 0:
            raise AssertionError(f"the server ended with {code}, not 0{self.tail()}")
        found = re.search(r"#(error|critical)\]|Traceback|Unhandled", self.text())
        if found is not None:
            raise AssertionError(f"the server has logged an error{self.tail()}")
