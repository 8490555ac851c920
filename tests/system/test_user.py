"""Who runs the server: not root, or root that becomes somebody else."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

from tests.system.command import CommandCase
from tests.system.messages import exchange, request
from tests.system.ports import is_bound
from tests.system.programs import Program, environment, need
from tests.system.server import twistd

_START = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


def first_free_for_all() -> int:
    """The first port that needs no privilege."""
    return int(_START.read_text()) if _START.exists() else 1024


class OrdinaryUserTests(CommandCase):
    """The user ``nobody`` where root runs the tests, else whoever does."""

    def setUp(self) -> None:
        super().setUp()
        self.home = self.folder / "home"
        self.home.mkdir()
        self.folder.parent.chmod(0o755)
        self.prefix: list[str] = []
        if os.geteuid() == 0:
            need("setpriv")
            nobody = pwd.getpwnam("nobody")
            os.chown(self.home, nobody.pw_uid, nobody.pw_gid)
            ids = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--inh-caps=-all"]
            self.prefix = ["setpriv", *ids]
        try:
            self.run_as_user(sys.executable, "-c", f"import os, sipexpress.routers; os.listdir({str(self.home)!r})")
        except (OSError, subprocess.CalledProcessError):
            raise SkipTest("nobody may not read the project where it lies") from None

    def command(self, *words: str) -> list[str]:
        """A command of that user, with its home and without hints where to keep things."""
        clean = ["env", "-u", "XDG_STATE_HOME", f"HOME={self.home}"]
        return [*self.prefix, *clean, *words]

    def run_as_user(self, *words: str) -> None:
        subprocess.run(
            self.command(*words), cwd=self.home, env=environment(), check=True, capture_output=True, timeout=60
        )

    def server(self, *options: str) -> list[str]:
        """The command without a secret file of its own."""
        words = twistd(self.folder, self.listen, *options)
        return self.command(*(word for word in words if not word.startswith("--secret-file=")))

    def test_the_secret_is_kept_at_home(self) -> None:
        secret = self.home / ".local" / "state" / "sipexpress" / "secret"
        kept = set()
        message = request("OPTIONS", self.port)
        for _ in range(2):
            program = Program("server", self.server(), self.home)
            self.addCleanup(program.kill)
            program.until("the server answers", lambda: exchange(self.port, message, 0.25))
            program.process.terminate()
            self.assertEqual(program.wait(), 0, program.tail())
            self.assertEqual(stat.S_IMODE(secret.stat().st_mode), 0o600)
            self.assertEqual(stat.S_IMODE(secret.parent.stat().st_mode), 0o700)
            kept.add(secret.read_bytes())
        self.assertEqual(len(kept), 1, "the second start has made another secret")

    def test_a_home_that_is_not_there(self) -> None:
        shutil.rmtree(self.home)
        said = self.refused_as_user()
        self.assertEqual(
            said, f"sipexpress: secret_file {self.home}/.local/state/sipexpress/secret: Permission denied\n"
        )

    def test_a_folder_that_it_may_not_enter(self) -> None:
        if not self.prefix:
            raise SkipTest("needs root")
        self.folder.parent.chmod(0o700)
        self.assertEqual(self.refused_as_user(), f"sipexpress: app-dir {self.folder}: Permission denied\n")

    def test_a_port_for_root(self) -> None:
        port = first_free_for_all() - 1
        if port < 1:
            raise SkipTest("here every port is for everybody")
        for protocol in ("udp", "tcp"):
            listen = f"{protocol}:127.0.0.1:{port}"
            said = self.refused_as_user(f"--listen={listen}")
            self.assertTrue(said.startswith(f"sipexpress: cannot listen on {listen}: not allowed"), said)
            self.assertEqual(len(said.splitlines()), 1, said)
            self.assertIn("need root or CAP_NET_BIND_SERVICE", said)

    def refused_as_user(self, *options: str) -> str:
        """What it says on stderr when it ends at once with 1."""
        done = subprocess.run(
            self.server(*options),
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, 1, done)
        self.assertNotIn("Traceback", done.stdout + done.stderr)
        return done.stderr


class RootTests(CommandCase):
    """Root opens the sockets, and twistd gives the privileges up."""

    def test_a_port_for_root_is_served_by_nobody(self) -> None:
        if os.geteuid() != 0:
            raise SkipTest("needs root")
        ports = [port for port in range(600, 1000, 2) if not is_bound(port, "udp") and not is_bound(port, "tcp")]
        port = random.choice(ports)
        command = twistd(self.folder, f"--listen=udp:127.0.0.1:{port}", f"--listen=tcp:127.0.0.1:{port}")
        command[1:1] = ["--uid=nobody", f"--gid={pwd.getpwnam('nobody').pw_gid}"]
        program = Program("server", command, self.folder)
        self.addCleanup(program.kill)
        message = request("OPTIONS", port)
        program.until("the server answers", lambda: exchange(port, message, 0.25).startswith("SIP/2.0 "))
        status = Path(f"/proc/{program.process.pid}/status").read_text()
        uid = pwd.getpwnam("nobody").pw_uid
        self.assertRegex(status, rf"(?m)^Uid:(\t{uid}){{4}}$")
        program.process.terminate()
        self.assertEqual(program.wait(), 0, program.tail())
