"""One measured run: a fresh server, a fresh SIPp at each end, figures from /proc and from SIPp."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from processes import Program, dropped, strangers
from servers import HERE, HOST, Failed, Served, free_port

USER = "callee"
WARM_CALLS = 100
DRAIN_SECONDS = 8.0
SETTLE_SECONDS = 0.5


@dataclass
class Result:
    """The figures of a run."""

    server: str
    calls: int
    completed: int
    retransmissions: int
    dropped: int
    cpu: float
    """CPU seconds of the server."""
    pss: float
    """MiB, right after the load."""
    strangers: float
    """CPUs that other programs used meanwhile: what spoils the figures."""

    @property
    def failed(self) -> int:
        return self.calls - self.completed

    @property
    def per_call(self) -> float:
        """CPU milliseconds of each completed call."""
        return 1000 * self.cpu / max(1, self.completed)


class Sipp(Program):
    """One end of the calls."""

    def __init__(self, folder: Path, name: str, server: Served, port: int, *more: str) -> None:
        program = shutil.which("sipp")
        if program is None:
            raise Failed("sipp is not installed: apt install sip-tester")
        self.figures = folder / f"{name}.csv"
        scenario = HERE / f"{name.partition('-')[0]}.xml"
        command = [program, f"{HOST}:{server.port}", "-sf", str(scenario), "-s", USER, "-i", HOST, "-p", str(port)]
        command += ["-nostdin", "-deadcall_wait", "0", "-trace_stat", "-stf", str(self.figures), "-fd", "1"]
        super().__init__([*command, *more], folder, f"{name}.log")

    def figure(self, name: str) -> int:
        """A count up to now; SIPp writes them down once a second, and at its end."""
        try:
            with self.figures.open(newline="", errors="replace") as rows:
                last = list(csv.DictReader(rows, delimiter=";"))[-1]
        except (OSError, IndexError):
            return 0
        return int(float(last.get(f"{name}(C)") or 0))


def call(folder: Path, name: str, server: Served, rate: float, calls: int) -> Sipp:
    """Make `calls` calls at `rate` a second, and wait for their end."""
    seconds = calls / rate + DRAIN_SECONDS
    limits = ["-m", str(calls), "-l", str(calls), "-timeout", f"{seconds:.0f}s"]
    caller = Sipp(folder, name, server, free_port(), "-r", f"{rate:g}", *limits)
    try:
        caller.wait(seconds + 2)
    finally:
        caller.stop()
    return caller


def measure(kind: type[Served], rate: float, seconds: float) -> Result:
    """Run one server under load. Raises Failed."""
    folder = Path(tempfile.mkdtemp(prefix="sipexpress-bench-"))
    running: list[Served | Sipp] = []
    try:
        server = kind(folder)
        running.append(server)
        port = free_port()
        server.register(USER, port)
        callee = Sipp(folder, "callee", server, port)
        running.append(callee)
        time.sleep(0.3)
        warm = call(folder, "caller-warm", server, min(rate, WARM_CALLS), WARM_CALLS)
        if not warm.figure("SuccessfulCall"):
            raise Failed(f"no call succeeds through {server.name}; it says:\n{server.said()}")
        time.sleep(1.2)  # until the callee's figures are written
        return _load(folder, server, callee, port, rate, int(rate * seconds))
    finally:
        for program in reversed(running):
            program.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _load(folder: Path, server: Served, callee: Sipp, port: int, rate: float, calls: int) -> Result:
    ours = {os.getpid(), *server.program.pids(), *callee.pids()}
    lost = dropped(server.port) + dropped(port)
    again = callee.figure("Retransmissions")
    others = strangers(ours)
    before = server.program.seconds()
    start = time.monotonic()
    caller = call(folder, "caller", server, rate, calls)
    pss = server.program.pss()
    foreign = sum(max(0.0, now - others.get(pid, 0.0)) for pid, now in strangers(ours).items())
    foreign /= time.monotonic() - start
    time.sleep(SETTLE_SECONDS)
    after = server.program.seconds()
    if set(before) != set(after):
        raise Failed(f"{server.name} started or lost processes under load; it says:\n{server.said()}")
    lost = dropped(server.port) + dropped(port) - lost
    callee.stop(signal.SIGUSR1)
    return Result(
        server=server.name,
        calls=calls,
        completed=caller.figure("SuccessfulCall"),
        retransmissions=caller.figure("Retransmissions") + callee.figure("Retransmissions") - again,
        dropped=lost,
        cpu=sum(after.values()) - sum(before.values()),
        pss=pss,
        strangers=foreign,
    )
