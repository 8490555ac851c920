"""What /proc says of a program and all of its processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_PSS = re.compile(r"^Pss:\s+([0-9]+) kB", re.MULTILINE)


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name: state, parent, group, session and so on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def seconds_of(pid: int) -> float:
    """CPU seconds of one process, in its own code and in the kernel; 0 when it is gone."""
    try:
        fields = _fields(pid)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def everybody() -> list[int]:
    """Every process of the machine."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def strangers(ours: set[int]) -> dict[int, float]:
    """CPU seconds of every other process, those of its ended children included."""
    found = {}
    for pid in everybody():
        if pid not in ours:
            with suppress(OSError):
                found[pid] = sum(int(field) for field in _fields(pid)[11:15]) / TICKS
    return found


def dropped(port: int) -> int:
    """Datagrams that the kernel threw away because the receive buffer of `port` was full."""
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sum(int(row[12]) for row in rows if int(row[1].rpartition(":")[2], 16) == port)


class Program:
    """A program in a session of its own: what belongs to it is found, measured and ended together."""

    def __init__(self, command: list[str], folder: Path, log: str) -> None:
        self.log = folder / log
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def pids(self) -> list[int]:
        """Its processes, zombies left out."""
        found = []
        for pid in everybody():
            with suppress(OSError):
                fields = _fields(pid)
                if int(fields[3]) == self.process.pid and fields[0] != "Z":
                    found.append(pid)
        return found

    def seconds(self) -> dict[int, float]:
        """CPU seconds by process."""
        return {pid: seconds_of(pid) for pid in self.pids()}

    def pss(self) -> float:
        """MiB of memory; what processes share is divided among them."""
        total = 0
        for pid in self.pids():
            with suppress(OSError):
                found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
                total += int(found.group(1)) if found else 0
        return total / 1024

    def wait(self, seconds: float) -> bool:
        """Whether it ended by itself in that time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, *signals: signal.Signals) -> None:
        """Send the signals (SIGTERM) one after the other, and in the end kill what is left."""
        for number in signals or (signal.SIGTERM,):
            if self.process.poll() is None:
                self.process.send_signal(number)
                time.sleep(0.1)
        self.wait(10)
        limit = time.monotonic() + 3
        while self.pids() and time.monotonic() < limit:
            time.sleep(0.05)
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
