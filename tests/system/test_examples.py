"""The examples that are programs of their own: a server inside a web application, and one inside asyncio."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.system.messages import Wire, exchange, request
from tests.system.ports import free_port, is_bound
from tests.system.programs import ROOT, environment, until
from tests.system.server import Example
from tests.system.sipp import SippCase


def refused(name: str, *options: str) -> str:
    """What an example says on stderr when it ends at once with 1."""
    command = [sys.executable, str(ROOT / "examples" / name), *options]
    ended = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1, ended
    return ended.stderr


class WebTests(SynchronousTestCase):
    """embed_in_app.py: a web page beside the server."""

    def setUp(self) -> None:
        self.web = free_port()
        self.option = f"--web=tcp:{self.web}:interface=127.0.0.1"

    def page(self) -> str:
        """The page, once it is there."""
        until("the web server listens", lambda: is_bound(self.web, "tcp"))
        with urlopen(f"http://127.0.0.1:{self.web}/", timeout=20) as answer:
            self.assertEqual(answer.headers["content-type"], "text/html; charset=utf-8")
            return str(answer.read().decode())

    def test_the_page_shows_who_is_registered(self) -> None:
        server = Example(self, "embed_in_app.py", self.option)
        self.assertEqual(self.page(), "<h1>Registered</h1><ul></ul><p>0 calls so far</p>")
        for user, contact in (("bob", "sip:bob@127.0.0.1:9"), ("carol", "sip:a&b@127.0.0.1:9;x=%3Cb%3E")):
            lines = (f"Contact: <{contact}>", "Expires: 60")
            self.assertIn("200 OK", exchange(server.port, request("REGISTER", server.port, *lines, user=user)))
        page = self.page()
        self.assertIn("<li>bob: sip:bob@127.0.0.1:9</li>", page)
        self.assertIn("<li>carol: sip:a&amp;b@127.0.0.1:9;x=%3Cb%3E</li>", page)
        self.assertIn("404 ", exchange(server.port, request("INVITE", server.port, user="nobody")))
        server.stop()
        self.assertFalse(is_bound(self.web, "tcp"))

    def test_a_taken_port_is_told_in_one_line(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            taken = holder.getsockname()[1]
            secret = f"--secret-file={self.mktemp()}"
            said = refused("embed_in_app.py", secret, self.option, f"--listen=tcp:127.0.0.1:{taken}")
            self.assertRegex(said, rf"\Aembed_in_app: .*tcp:127\.0\.0\.1:{taken}.*taken.*\n\Z")
            web = f"--web=tcp:{taken}:interface=127.0.0.1"
            said = refused("embed_in_app.py", secret, web, f"--listen=udp:127.0.0.1:{free_port()}")
            self.assertRegex(said, rf"\Aembed_in_app: .*{taken}.*already in use.*\n\Z")


class AsyncioTests(SynchronousTestCase):
    """embed_in_asyncio.py: a route that awaits asyncio.sleep."""

    def test_others_are_served_while_a_route_sleeps(self) -> None:
        server = Example(self, "embed_in_asyncio.py")

        def options_come_first() -> bool:
            with Wire(server.port) as wire:
                wire.send(request("MESSAGE", server.port))
                wire.send(request("OPTIONS", server.port))
                answers = [re.findall(r"^SIP/2.0 (\d+)|^CSeq: 1 (\w+)", wire.receive(), re.M) for _ in range(2)]
            self.assertEqual(sorted(answers), [[("200", ""), ("", "OPTIONS")], [("404", ""), ("", "MESSAGE")]])
            return bool(answers[0][0][0] == "200")

        # The machine may stop for a moment between the two messages; a server that blocks never passes.
        until("OPTIONS overtakes a MESSAGE that waits", options_come_first)
        server.stop()

    def test_a_call_that_sleeps_is_cancelled(self) -> None:
        server = Example(self, "embed_in_asyncio.py")
        invite = request("INVITE", server.port, "Contact: <sip:alice@127.0.0.1:{port}>")
        with Wire(server.port) as alice:
            alice.send(invite)
            self.assertIn("SIP/2.0 100 ", alice.receive())
            alice.send(invite.replace("INVITE", "CANCEL"))
            said = alice.receive() + alice.receive()
            self.assertIn("SIP/2.0 200 ", said)
            self.assertIn("SIP/2.0 487 ", said)
            number = re.search(r"To: .*;tag=(\S+)\nCall-ID: (?:.*\n)+CSeq: 1 INVITE", said)
            assert number is not None
            ack = invite.replace("INVITE", "ACK")
            alice.send(re.sub(r"(To: .*)", rf"\1;tag={number[1]}", ack))
        server.stop()

    def test_a_taken_port_is_told_in_one_line(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", 0))
            taken = holder.getsockname()[1]
            said = refused("embed_in_asyncio.py", f"--secret-file={self.mktemp()}", f"--listen=udp:127.0.0.1:{taken}")
        self.assertRegex(said, rf"\Aembed_in_asyncio: .*udp:127\.0\.0\.1:{taken}.*taken.*\n\Z")


class CallTests(SippCase):
    """Both carry calls of SIPp, and end with 0."""

    def test_web_application(self) -> None:
        web = free_port()
        server = Example(self, "embed_in_app.py", f"--web=tcp:{web}:interface=127.0.0.1")
        self.calls(server, 20, "udp", "tcp")
        with urlopen(f"http://127.0.0.1:{web}/", timeout=20) as answer:
            page = answer.read().decode()
        self.assertIn("<li>bob: sip:bob@127.0.0.1:", page)
        self.assertIn("<p>20 calls so far</p>", page)
        server.stop()

    def test_asyncio(self) -> None:
        server = Example(self, "embed_in_asyncio.py")
        self.calls(server, 50)
        server.stop()

    def test_asyncio_tcp(self) -> None:
        server = Example(self, "embed_in_asyncio.py")
        self.calls(server, 20, "tcp", "tcp")
        server.stop()
