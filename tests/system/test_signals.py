"""A server that runs, in the foreground and in the background, and is sent signals."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.system.command import ROUTER, CommandCase
from tests.system.messages import Wire, exchange, request, response
from tests.system.ports import free_port, is_bound
from tests.system.programs import until
from tests.system.server import HELLO_WORLD, Server


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

    def start(self, *options: str) -> int:
        """Its process id, once it answers."""
        done = self.twistd(*options, daemon=True)
        pidfile = self.folder / "twistd.pid"
        if pidfile.exists():
            self.addCleanup(self.kill, int(pidfile.read_text()))
        log = self.folder / "daemon.log"
        self.assertEqual((done.returncode, done.stderr), (0, ""), log.read_text() if log.exists() else "no log")
        message = request("OPTIONS", self.port)
        until("the daemon answers", lambda: exchange(self.port, message, 0.25).startswith("SIP/2.0 "))
        return int(pidfile.read_text())

    def end(self, pid: int) -> None:
        """SIGTERM ends it, and nothing is left."""
        os.kill(pid, signal.SIGTERM)
        until("the daemon has ended", lambda: not self.runs(pid))
        self.assertFalse((self.folder / "twistd.pid").exists())
        self.assertFalse(is_bound(self.port, "udp"))
        self.assertNotIn("Traceback", (self.folder / "daemon.log").read_text())

    def test_it_starts_and_ends(self) -> None:
        self.end(self.start(self.listen))

    def test_a_taken_port_is_told_in_the_foreground(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", self.port))
            done = self.twistd(self.listen, daemon=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done)
        said = f"sipexpress: cannot listen on udp:127.0.0.1:{self.port}: the port is taken by another program"
        self.assertEqual(done.stderr.splitlines()[0], said)
        log = (self.folder / "daemon.log").read_text()
        self.assertIn(said.partition(" ")[2], log)
        self.assertNotIn("Traceback", done.stderr + log)
        self.assertFalse((self.folder / "twistd.pid").exists())

    def test_a_router_that_cannot_start(self) -> None:
        self.write("myrouter.py", ROUTER + "\n    def started(self, server):\n        print(1 / 0)\n")
        self.twistd("--router=myrouter.MyRouter", self.listen, daemon=True)
        stderr, pidfile = self.folder / "stderr", self.folder / "twistd.pid"
        until("it is told", lambda: "the server did not start; the log says why\n" in stderr.read_text())
        until("nothing is left", lambda: not pidfile.exists() and not is_bound(self.port, "udp"))
        self.assertIn("ZeroDivisionError", (self.folder / "daemon.log").read_text())

    def test_a_second_one_with_the_same_pid_file_is_refused(self) -> None:
        pid = self.start(self.listen)
        done = self.twistd(f"--listen=udp:127.0.0.1:{free_port()}", daemon=True)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(f"PID {pid}", done.stdout + done.stderr)
        self.end(pid)

    def test_sighup_finds_the_files_that_it_was_started_with(self) -> None:
        self.write("myrouter.py", ROUTER)
        self.write("sip.toml", '[server]\nrouter = "myrouter.MyRouter"\n')
        pid = self.start("--config=sip.toml", self.listen)
        message = request("MESSAGE", self.port)
        self.assertIn("480 first", exchange(self.port, message))
        self.write("myrouter.py", ROUTER.replace("first", "the second router"))
        os.kill(pid, signal.SIGHUP)
        until("the new router answers", lambda: "480 the second" in exchange(self.port, request("MESSAGE", self.port)))
        self.end(pid)

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
            until(f"the new {router} answers", lambda: "480 other" in ask(server))  # noqa: B023
            server.stop()
