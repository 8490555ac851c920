"""Baresip, steered over its TCP control port."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

from tests.system.ports import free_port
from tests.system.programs import Program, until
from tests.system.server import Server

_CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{sip}
audio_source ausine,440
ausrc_srate 48000
ausrc_channels 2
rtp_ports {rtp}-{last}
module_path {modules}
module g711.so
module ausine.so
module_tmp uuid.so
module_tmp account.so
module_app ctrl_tcp.so
module_app menu.so
module_app debug_cmd.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


class Baresip(Program):
    """One baresip that has registered over ``udp`` or ``tcp``; ``answer="auto"`` makes it accept calls at once."""

    def __init__(self, case: Any, server: Server, user: str, transport: str, answer: str = "manual") -> None:
        self.user = user
        folder = server.folder / user
        folder.mkdir()
        self.control_port = free_port()
        rtp = free_port()
        config = _CONFIG.format(
            sip=free_port(), control=self.control_port, rtp=rtp, last=rtp + 20, modules=_module_path()
        )
        home = f"{server.address};transport={transport}"
        account = f'<sip:{user}@{home}>;outbound="sip:{home}";regint=60;auth_pass=none;answermode={answer}\n'
        for name, text in (("config", config), ("contacts", ""), ("accounts", account)):
            (folder / name).write_text(text, encoding="utf-8")
        # It takes no loopback interface by its name, but by its address.
        super().__init__(user, ["baresip", "-4", "-f", str(folder), "-s", "-n", "127.0.0.1"], folder)
        case.addCleanup(self.kill)
        self._events: list[dict[str, Any]] = []
        self._answers: list[dict[str, Any]] = []
        self._rest = b""
        self._socket: socket.socket = until(f"{user} listens to us", self._connect)
        case.addCleanup(self._socket.close)
        until(f"{user} is registered", lambda: "\x1b[32mOK" in self.ask("reginfo"))

    def _connect(self) -> socket.socket | None:
        assert self.process.poll() is None, self.tail()
        try:
            return socket.create_connection(("127.0.0.1", self.control_port), 1)
        except OSError:
            return None

    def _read(self) -> None:
        """Take what it has to say, waiting a moment for it: netstrings that hold JSON."""
        self._socket.settimeout(0.05)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            return
        assert data, f"{self.user} has closed its control connection{self.tail()}"
        self._rest += data
        while (found := re.match(rb"(\d+):", self._rest)) is not None:
            end = found.end() + int(found.group(1))
            if len(self._rest) <= end:
                return
            message = json.loads(self._rest[found.end() : end])
            self._rest = self._rest[end + 1 :]
            (self._events if message.get("event") else self._answers).append(message)

    def ask(self, command: str, parameters: str = "") -> str:
        """What it answers to a command."""
        message = json.dumps({"command": command, "params": parameters, "token": command}).encode()
        self._socket.sendall(b"%d:%b," % (len(message), message))

        def answer() -> dict[str, Any] | None:
            self._read()
            return next((each for each in self._answers if each.get("token") == command), None)

        found = until(f"{self.user} answers {command}", answer)
        self._answers.remove(found)
        assert found["ok"], f"{self.user} refuses {command}: {found}"
        return str(found.get("data", ""))

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of that kind; it counts once."""

        def seen() -> dict[str, Any] | None:
            self._read()
            return next((each for each in self._events if each["type"] == kind), None)

        try:
            found: dict[str, Any] = until(f"{self.user}: {kind}", seen)
        except AssertionError as error:
            raise AssertionError(f"{error}{self.tail()}") from None
        self._events.remove(found)
        return found

    def media(self) -> tuple[str, int, int]:
        """(direction, RTP packets sent, RTP packets received) of the call that there is."""
        text = self.ask("audio_debug")
        values = [re.search(rf"{pattern}(\w+)", text) for pattern in ("audio dir=", "TX: packets=", "rcvd=")]
        direction, sent, received = ("0" if value is None else value.group(1) for value in values)
        return direction, int(sent), int(received)

    def quit(self) -> None:
        """End it; it takes back its registration."""
        self.ask("quit")
        assert self.wait() == 0, self.tail()


def _module_path() -> Path:
    for folder in (Path("/usr/lib/baresip/modules"), Path("/usr/local/lib/baresip/modules")):
        if folder.is_dir():
            return folder
    raise AssertionError("baresip's modules are in no known folder")
