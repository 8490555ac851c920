"""Running ``twistd sipexpress`` until it ends by itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.system.ports import free_port
from tests.system.programs import environment
from tests.system.server import twistd

ROUTER = """
import sipexpress
import sipexpress.errors
from sipexpress import use
from sipexpress.modules import Registrar, Sl, Tm, Usrloc

class MyRouter(sipexpress.Router):
    sl, tm, usrloc, registrar = use(Sl), use(Tm), use(Usrloc), use(Registrar)

    async def route(self):
        if self.method == "REGISTER":
            return await self.registrar.save("location")
        self.sl.sl_send_reply(480, "first")
"""


class CommandCase(SynchronousTestCase):
    """A folder with files, and the command that works in it."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.port = free_port()
        self.listen = f"--listen=udp:127.0.0.1:{self.port}"

    def write(self, name: str, text: str) -> None:
        """Put a file into the folder."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def twistd(self, *options: str, daemon: bool = False) -> subprocess.CompletedProcess[str]:
        """What came of it."""
        command = twistd(self.folder, *options, daemon=daemon)
        out, err = self.folder / "stdout", self.folder / "stderr"
        # Files, not pipes: a daemon would keep a pipe open.
        with out.open("w") as stdout, err.open("w") as stderr:
            code = subprocess.run(
                command,
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                timeout=60,
                check=False,
            ).returncode
        return subprocess.CompletedProcess(command, code, out.read_text(), err.read_text())

    def refused(self, *options: str) -> str:
        """The one line on stderr that it ends with, besides the exit code 1."""
        done = self.twistd(*options)
        self.assertEqual(done.returncode, 1, done)
        self.assertEqual(len(done.stderr.splitlines()), 1, done)
        self.assertNotIn("Traceback", done.stdout)
        self.assertTrue(done.stderr.startswith("sipexpress: "), done.stderr)
        return done.stderr
