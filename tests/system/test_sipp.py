"""Calls between two SIPp, through the guide's Hello World."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.system.programs import HELLO_WORLD, Program, Server, free_port, is_bound, need, until

_CALLS = 200
_SCENARIOS = Path(__file__).resolve().parent


class SippTests(SynchronousTestCase):
    """SIPp registers as bob, answers as bob, and calls bob."""

    def setUp(self) -> None:
        need("sipp")

    def sipp(self, name: str, scenario: str, transport: str, port: int, calls: int, *options: str) -> Program:
        """A running SIPp; `transport` is u1 or t1."""
        folder = self.server.folder
        address = f"127.0.0.1:{self.server.port}"
        # SIPp knows no variables inside regular expressions.
        text = (_SCENARIOS / scenario).read_text(encoding="utf-8").replace("SERVER", address)
        (folder / scenario).write_text(text, encoding="utf-8")
        command = ["sipp", address, "-sf", scenario, "-t", transport]
        command += ["-i", "127.0.0.1", "-p", str(port), "-m", str(calls), "-nostdin", "-timeout", "25"]
        command += ["-timeout_error", "-trace_err", "-error_file", str(folder / f"{name}.err"), *options]
        program = Program(name, command, folder)
        self.addCleanup(program.kill)
        return program

    def ends_well(self, program: Program, calls: int) -> None:
        """It ended with 0 after that many successful calls and no failed one."""
        code = program.wait(30)
        errors = program.output.with_suffix(".err")
        told = errors.read_text(errors="replace")[-3000:] if errors.exists() else ""
        said = f"{program.name} ended with {code}\n{told}{program.tail()}{self.server.tail()}"
        self.assertEqual(code, 0, said)
        for what, count in (("Successful call", calls), ("Failed call", 0)):
            # the last column of the last screen is the sum
            found = re.findall(rf"{what}\s*\|\s*\d+\s*\|\s*(\d+)", program.text())
            self.assertTrue(found, said)
            self.assertEqual(int(found[-1]), count, said)

    def calls(self, transport: str) -> None:
        self.server = Server(self, HELLO_WORLD)
        bob = free_port()
        register = self.sipp("register", "sipp_register.xml", transport, free_port(), 1, "-key", "bob_port", str(bob))
        self.ends_well(register, 1)
        uas = self.sipp("uas", "sipp_uas.xml", transport, bob, _CALLS)
        until("SIPp listens", lambda: is_bound(bob, {"u1": "udp", "t1": "tcp"}[transport]))
        uac = self.sipp("uac", "sipp_uac.xml", transport, free_port(), _CALLS, "-r", "100")
        self.ends_well(uac, _CALLS)
        self.ends_well(uas, _CALLS)
        self.server.stop()

    def test_udp(self) -> None:
        self.calls("u1")

    def test_tcp(self) -> None:
        self.calls("t1")
