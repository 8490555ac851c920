"""A server that runs, in the foreground and in the background, and is sent signals."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.system.command import ROUTER, CommandCase
from tests.system.messages import Wire, exchange, request, response
from tests.system.programs import HELLO_WORLD, Server, is_bound, until


def ask(server: Server) -> str:
    """What it answers to a MESSAGE."""
    return exchange(server.port, request("MESSAGE", server.port))


def register(server: Server, contact: str = "") -> str:
    """What it answers to bob's REGISTER; without a contact that is a question."""
    lines = [f"Contact: <{contact}>", "Expires: 60"] if contact else []
    return exchange(server.port, request("REGISTER", server.port, *lines))


class EndTests(SynchronousTestCase):
    """SIGTERM and SIGINT."""

    def test_sigterm(self) -> None:
        server = Server(self, HELLO_WORLD)
        self.assertIn("404 ", ask(server))
        server.stop()

    def test_sigint(self) -> None:
        server = Server(self)
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(), 0, server.tail())

    def test_a_call_may_still_be_set_up(self) -> None:
        server = Server(self)
        with Wire(server.port) as bob, Wire(server.port) as alice:
            self.assertIn("200 OK", register(server, f"sip:bob@127.0.0.1:{bob.port}"))
            alice.send(request("INVITE", server.port, "Contact: <sip:alice@127.0.0.1:{port}>"))
            self.assertIn("100 ", alice.receive())
            invite = bob.receive()
            server.process.send_signal(signal.SIGTERM)
            until("the server refuses new calls", lambda: "503 " in ask(server))
            bob.send(response(invite, "486 Busy Here"))
            self.assertIn("SIP/2.0 486 ", alice.receive())
        server.stop()

    def test_the_second_sigterm_ends_it_at_once(self) -> None:
        server = Server(self, "--drain=1000")
        with Wire(server.port) as bob, Wire(server.port) as alice:
            self.assertIn("200 OK", register(server, f"sip:bob@127.0.0.1:{bob.port}"))
            alice.send(request("INVITE", server.port, "Contact: <sip:alice@127.0.0.1:{port}>"))
            self.assertIn("INVITE", bob.receive())
            server.process.send_signal(signal.SIGTERM)
            until("the server refuses new calls", lambda: "503 " in ask(server))
            server.stop()


class ReloadTests(CommandCase):
    """SIGHUP, and a router that lies in the working directory."""

    def serve(self) -> Server:
        self.write("myrouter.py", ROUTER)
        server = Server(self, "--router=myrouter.MyRouter", folder=self.folder)
        self.assertIn("480 first", ask(server))
        return server

    def test_a_changed_router(self) -> None:
        server = self.serve()
        self.assertIn("200 OK", register(server, "sip:bob@127.0.0.1:9"))
        self.write("myrouter.py", ROUTER.replace("first", "the second router"))
        server.process.send_signal(signal.SIGHUP)
        until("the new router answers", lambda: "480 the second router" in ask(server))
        self.assertIn("<sip:bob@127.0.0.1:9>", register(server))
        server.stop()

    def test_a_broken_router_changes_nothing(self) -> None:
        server = self.serve()
        self.write("myrouter.py", "import sipexpress\n\nprint(1 / 0)\n")
        server.process.send_signal(signal.SIGHUP)
        until("the log says why", lambda: "ZeroDivisionError" in server.text())
        self.assertIn("nothing was changed", server.text())
        self.assertIn("480 first", ask(server))
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0, server.tail())


class DaemonTests(CommandCase):
    """Without -n it goes into the background."""

    def test_it_starts_and_ends(self) -> None:
        done = self.twistd(self.listen, daemon=True)
        pidfile = self.folder / "twistd.pid"
        log = self.folder / "daemon.log"
        if pidfile.exists():
            self.addCleanup(self.kill, int(pidfile.read_text()))
        self.assertEqual((done.returncode, done.stderr), (0, ""), log.read_text() if log.exists() else "no log")
        pid = int(pidfile.read_text())
        message = request("OPTIONS", self.port)
        until("the daemon answers", lambda: exchange(self.port, message, 0.25).startswith("SIP/2.0 "))
        os.kill(pid, signal.SIGTERM)
        until("the daemon has ended", lambda: not self.runs(pid))
        self.assertFalse(pidfile.exists())
        self.assertFalse(is_bound(self.port, "udp"))
        self.assertNotIn("Traceback", log.read_text())

    def test_a_taken_port_is_told_in_the_foreground(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", self.port))
            done = self.twistd(self.listen, daemon=True)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(f"udp:127.0.0.1:{self.port}", done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        until("the pid file is gone", lambda: not (self.folder / "twistd.pid").exists())

    def runs(self, pid: int) -> bool:
        """Whether the process is there, and is no zombie."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def kill(self, pid: int) -> None:
        if self.runs(pid):
            os.kill(pid, signal.SIGKILL)


class BytecodeTests(CommandCase):
    """Python keeps compiled modules by time (in seconds) and size of their source."""

    def test_a_router_of_the_same_time_and_size(self) -> None:
        for router in ("myrouter.MyRouter", "myrouter.py:MyRouter"):
            self.write("myrouter.py", ROUTER)
            path = self.folder / "myrouter.py"
            before = path.stat()
            server = Server(self, f"--router={router}", folder=self.folder)
            self.assertIn("480 first", ask(server))
            self.write("myrouter.py", ROUTER.replace("first", "other"))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            server.process.send_signal(signal.SIGHUP)
            until(f"the new {router} answers", lambda: "480 other" in ask(server), 3)  # noqa: B023
            server.stop()
