"""The servers that are compared: how they are started, and when they are ready."""

from __future__ import annotations

import shutil
import signal
import socket
import sys
import time
from pathlib import Path

from processes import Program

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
# The same receive buffer for both; sipexpress asks for it by itself.
BUFFER = 4 * 1024 * 1024
READY_SECONDS = 15.0


def free_port() -> int:
    """A UDP port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Failed(Exception):
    """A server or SIPp did not do what it should."""


class Served:
    """A server while it runs."""

    name = ""
    ends: tuple[signal.Signals, ...] = (signal.SIGTERM,)

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.program = Program(self.command(folder), folder, "server.log")

    def command(self, folder: Path) -> list[str]:
        raise NotImplementedError

    def register(self, user: str, port: int) -> None:
        """Register `user` at `port`, again and again until the server answers."""
        server = f"{HOST}:{self.port}"
        limit = time.monotonic() + READY_SECONDS
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind((HOST, 0))
            phone.settimeout(0.2)
            mine = phone.getsockname()[1]
            for number in range(1, 1000):
                if self.program.process.poll() is not None or time.monotonic() > limit:
                    break
                lines = (
                    f"REGISTER sip:{server} SIP/2.0",
                    f"Via: SIP/2.0/UDP {HOST}:{mine};branch=z9hG4bKready{mine}n{number}",
                    f"From: <sip:{user}@{server}>;tag=ready{mine}",
                    f"To: <sip:{user}@{server}>",
                    f"Call-ID: ready-{mine}",
                    f"CSeq: {number} REGISTER",
                    f"Contact: <sip:{user}@{HOST}:{port}>",
                    "Expires: 3600",
                    "Max-Forwards: 70",
                    "Content-Length: 0",
                )
                phone.sendto("\r\n".join((*lines, "", "")).encode(), (HOST, self.port))
                try:
                    if phone.recv(65535).startswith(b"SIP/2.0 200 "):
                        return
                except OSError:  # not listening yet: refused, or nothing came
                    pass
                time.sleep(0.1)
        raise Failed(f"{self.name} does not answer REGISTER; it says:\n{self.said()}")

    def said(self) -> str:
        """The end of its log."""
        return "\n".join(self.program.log.read_text(errors="replace").splitlines()[-15:])

    def stop(self) -> None:
        self.program.stop(*self.ends)


class Ours(Served):
    """``twistd -n sipexpress`` with the router beside this file."""

    name = "sipexpress"
    # The second signal ends the wait for the transactions under way.
    ends = (signal.SIGTERM, signal.SIGTERM)
    profile: Path | None = None

    def command(self, folder: Path) -> list[str]:
        twistd = [str(Path(sys.prefix) / "bin" / "twistd"), "-n", "--pidfile="]
        if self.profile is not None:
            twistd += ["--profiler=cprofile", "--savestats", f"--profile={self.profile}"]
        return [
            *twistd,
            "sipexpress",
            f"--router={HERE / 'router.py'}:Bench",
            f"--listen=udp:{HOST}:{self.port}",
            f"--secret-file={folder / 'secret'}",
            "--log-level=warn",
        ]


class Kamailio(Served):
    """Kamailio with its routing in its own language, one worker."""

    name = "kamailio"

    def command(self, folder: Path) -> list[str]:
        program = shutil.which("kamailio", path="/usr/local/sbin:/usr/sbin:/usr/bin")
        if program is None:
            raise Failed("kamailio is not installed: apt install kamailio")
        # The default of 64 MiB of shared memory is too small for 1000 calls/s.
        memory = ["-m", "1024", "-M", "16"]
        listen = ["-l", f"udp:{HOST}:{self.port}", "-b", str(BUFFER)]
        files = ["-f", str(HERE / "kamailio.cfg"), "-Y", str(folder), "-P", str(folder / "pid")]
        return [program, "-DD", *memory, *listen, *files]
