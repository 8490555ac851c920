"""``make run``, as somebody who has just cloned the project."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import ifaddr
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.system.messages import exchange, request
from tests.system.ports import free_port, is_bound
from tests.system.programs import ROOT, Program, need


class MakeRunTests(SynchronousTestCase):
    """It runs in the environment of the tests, which counts as up to date: nothing is installed."""

    def setUp(self) -> None:
        need("make")
        if not (Path(sys.prefix) / "bin" / "twistd").exists():
            raise SkipTest("twistd is not beside this python")
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.port = free_port()

    def make_run(self, *listen: str, host: str = "127.0.0.1") -> Program:
        """The server, once it answers."""
        options = ["-n", "--pidfile=", "sipexpress", f"--secret-file={self.folder / 'secret'}"]
        options += [f"--listen={each}" for each in listen]
        base = f"{sys.prefix}/base"
        command = ["make", "-C", str(ROOT), "-o", base, "run", f"VENV={sys.prefix}", f"RUN={' '.join(options)}"]
        program = Program("make", command, self.folder)
        self.addCleanup(program.kill)
        message = request("OPTIONS", self.port, host=host)
        program.until("the server answers", lambda: exchange(self.port, message, 0.25, host).startswith("SIP/2.0 "))
        return program

    def test_it_says_where_it_listens_and_what_to_do(self) -> None:
        program = self.make_run(f"udp:127.0.0.1:{self.port}", f"tcp:127.0.0.1:{self.port}")
        text = program.text()
        for protocol in ("udp", "tcp"):
            self.assertRegex(text, rf"listening on {protocol}:127\.0\.0\.1:{self.port}\n")
        self.assertRegex(text, rf"(?i)point two phones at 127\.0\.0\.1:{self.port}: any user name, no password")
        self.assertRegex(text, r"(?i)call the other one by its user name")
        self.control_c(program)

    def test_every_address_of_the_machine(self) -> None:
        # Loopback is left out where there is something else.
        host = self.an_address()
        program = self.make_run(f"udp:{self.port}", f"tcp:{self.port}", host=host)
        self.assertIn(f"Point two phones at {host}:{self.port}", program.text())
        listening = re.findall(r"listening on (udp|tcp):(\S+):(\d+)\n", program.text())
        self.assertIn(("udp", host, str(self.port)), listening)
        self.assertEqual(
            {each for protocol, each, _ in listening if protocol == "udp"},
            {each for protocol, each, _ in listening if protocol == "tcp"},
        )
        self.control_c(program)

    def an_address(self) -> str:
        """An IPv4 address that ``udp:5060`` would listen on."""
        found = [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
        return next((ip for ip in sorted(found) if not ip.startswith("127.")), "127.0.0.1")

    def control_c(self, program: Program) -> None:
        """The terminal sends SIGINT to make and to the server."""
        os.killpg(program.process.pid, signal.SIGINT)
        program.wait()
        self.assertIn("Server Shut Down.", program.text())
        self.assertNotRegex(program.text(), r"Traceback|Unhandled|Error \d")
        for protocol in ("udp", "tcp"):
            self.assertFalse(is_bound(self.port, protocol))
