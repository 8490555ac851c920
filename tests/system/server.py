"""The servers of the system tests: twistd, and the examples that have one inside."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from typing import Any

from tests.system.messages import exchange, request
from tests.system.ports import free_port
from tests.system.programs import PATIENCE, ROOT, Program

HELLO_WORLD = f"--router={ROOT / 'examples' / 'hello_world.py'}:HelloWorld"
_TWISTD = str(Path(sys.executable).parent / "twistd")


def twistd(folder: Path, *options: str, daemon: bool = False) -> list[str]:
    """The command line of ``twistd sipexpress``; its secret and its process id stay in `folder`."""
    before = ["--pidfile=twistd.pid", "--logfile=daemon.log"] if daemon else ["-n", "--pidfile="]
    return [_TWISTD, *before, "sipexpress", f"--secret-file={folder / 'secret'}", *options]


class Server(Program):
    """``twistd sipexpress`` on one port of a loopback address, UDP and TCP; made and ended by a test."""

    def __init__(self, case: Any, *options: str, folder: Path | None = None, host: str = "127.0.0.1") -> None:
        if folder is None:
            folder = Path(case.mktemp()).resolve()
            folder.mkdir()
        self.folder = folder
        self.host = host
        self.port = free_port()
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        listen = [f"--listen={protocol}:{self.address}" for protocol in ("udp", "tcp")]
        super().__init__("server", self.command(*options, *listen), folder)
        case.addCleanup(self.kill)
        self.until("the server answers", self.answers)

    def command(self, *options: str) -> list[str]:
        """The command line that takes the options of ``twistd sipexpress``."""
        return twistd(self.folder, *options)

    def answers(self) -> bool:
        """Whether it answers OPTIONS by now."""
        message = request("OPTIONS", self.port, host=self.host)
        return exchange(self.port, message, 0.25, self.host).startswith("SIP/2.0 ")

    def carried(self, method: str) -> set[tuple[str, str]]:
        """How requests of a method went, as in ``("received", "TCP")``; it has to run with --trace."""
        found = re.findall(r"\] (received|sent) (?:from|to) (UDP|TCP) .*\n\t([A-Z]+) sip:", self.text())
        return {(direction, transport) for direction, transport, each in found if each == method}

    def stop(self) -> None:
        """End it as an operator does. It has to end well, and to have logged no error."""
        self.process.send_signal(signal.SIGTERM)
        code = self.wait(PATIENCE + 10)
        if code != 0:
            raise AssertionError(f"the server ended with {code}, not 0{self.tail()}")
        self.logged_no_error()

    def logged_no_error(self) -> None:
        """Fails when its log has an error or a traceback."""
        found = re.search(r"#(error|critical)\]|Traceback|Unhandled", self.text())
        if found is not None:
            raise AssertionError(f"the server has logged an error{self.tail()}")


class Example(Server):
    """One of the examples that are programs of their own."""

    def __init__(self, case: Any, name: str, *options: str) -> None:
        self.path = ROOT / "examples" / name
        super().__init__(case, *options)

    def command(self, *options: str) -> list[str]:
        return [sys.executable, str(self.path), f"--secret-file={self.folder / 'secret'}", *options]
