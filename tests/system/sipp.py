"""SIPp as bob, who registers and answers, and as alice, who calls him."""

from __future__ import annotations

import csv
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.system.ports import free_port, is_bound
from tests.system.programs import Program, need, until
from tests.system.server import Server

_SCENARIOS = Path(__file__).resolve().parent
_MODES = {"udp": "u1", "tcp": "t1"}


class Sipp(Program):
    """One SIPp that plays a scenario of this folder `calls` times over ``udp`` or ``tcp``."""

    def __init__(
        self,
        case: SynchronousTestCase,
        server: Server,
        name: str,
        transport: str,
        calls: int,
        *options: str,
        recorded: str = "",
    ) -> None:
        self.server = server
        self.port = free_port()
        scenario = server.folder / f"{name}.xml"
        scenario.write_text(_scenario(name, server.address, recorded), encoding="utf-8")
        self._statistics = server.folder / f"{name}.csv"
        self._errors = server.folder / f"{name}.err"
        command = ["sipp", server.address, "-sf", str(scenario), "-t", _MODES[transport], "-nostdin"]
        command += ["-i", server.host, "-mi", server.host, "-p", str(self.port), "-mp", str(free_port())]
        command += ["-m", str(calls), "-recv_timeout", "30000", "-timeout", "90", "-timeout_error"]
        command += ["-trace_stat", "-stf", str(self._statistics), "-trace_err", "-error_file", str(self._errors)]
        super().__init__(name, [*command, *options], server.folder)
        case.addCleanup(self.kill)

    def ends_well(self, calls: int) -> None:
        """It ended with 0 after that many successful calls, and has seen nothing that the scenario does not name."""
        code = self.wait(100)
        told = self._errors.read_text(errors="replace")[-3000:] if self._errors.exists() else ""
        said = f"{self.name} ended with {code}\n{told}{self.tail()}{self.server.tail()}"
        assert code == 0, said
        with self._statistics.open(encoding="utf-8", newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        counted = {
            what: int(last[f"{what}(C)"])
            for what in ("SuccessfulCall", "FailedCall", "FailedUnexpectedMessage", "OutOfCallMsgs")
        }
        wanted = {"SuccessfulCall": calls, "FailedCall": 0, "FailedUnexpectedMessage": 0, "OutOfCallMsgs": 0}
        assert counted == wanted, f"{counted}\n{said}"


def _scenario(name: str, server: str, recorded: str) -> str:
    """The text of a scenario. SIPp knows no variables inside regular expressions."""
    text = (_SCENARIOS / f"sipp_{name}.xml").read_text(encoding="utf-8").replace("RECORDED", recorded)
    return text.replace("SERVER", server.replace("[", r"\[").replace("]", r"\]"))


def _recorded(caller: str, callee: str) -> str:
    """What Record-Route has to be: two entries where the server changes the transport, the callee's side first."""
    entries = [f"<sip:SERVER{';transport=tcp' if side == 'tcp' else ''};[^,]*lr(=on)?>" for side in (callee, caller)]
    return f"^ *{' *, *'.join(entries if caller != callee else entries[:1])} *$".replace("<", "&lt;")


class SippCase(SynchronousTestCase):
    """Calls from one SIPp to another one that has registered."""

    def setUp(self) -> None:
        need("sipp")

    def calls(self, server: Server, count: int, caller: str = "udp", callee: str = "udp") -> None:
        """Bob registers; alice calls him `count` times, some dozen calls at a time."""
        uas = Sipp(self, server, "uas", callee, count)
        until("SIPp listens", lambda: is_bound(uas.port, callee))
        Sipp(self, server, "register", callee, 1, "-key", "bob_port", str(uas.port)).ends_well(1)
        recorded = _recorded(caller, callee)
        uac = Sipp(self, server, "uac", caller, count, "-r", "100", "-l", "50", recorded=recorded)
        uac.ends_well(count)
        uas.ends_well(count)
