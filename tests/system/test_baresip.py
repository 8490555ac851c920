"""A call between two baresips."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.system.baresip import Baresip
from tests.system.programs import need, until
from tests.system.server import HELLO_WORLD, Server


class BaresipTests(SynchronousTestCase):
    """Register, call, hold, resume, hang up; RTP flows both ways before the hold and after it."""

    def setUp(self) -> None:
        need("baresip")

    def call(self, alice: str, bob: str, *options: str) -> None:
        server = Server(self, "--trace", *options)
        self.bob = Baresip(self, server, "bob", bob, answer="auto")
        self.alice = Baresip(self, server, "alice", alice)
        self.alice.ask("dial", f"sip:bob@{server.address}")
        for phone in (self.alice, self.bob):
            phone.event("CALL_ESTABLISHED")
            phone.event("CALL_RTPESTAB")
        self.talk()

        self.alice.ask("hold")
        self.directions("sendonly", "recvonly")

        self.alice.ask("resume")
        self.directions("sendrecv", "sendrecv")
        self.talk()

        self.alice.ask("hangup")
        for phone in (self.alice, self.bob):
            phone.event("CALL_CLOSED")
            phone.quit()
        server.stop()
        for method in ("INVITE", "ACK", "BYE"):
            self.assertEqual(server.carried(method), {("received", alice.upper()), ("sent", bob.upper())})

    def directions(self, alice: str, bob: str) -> None:
        """Both sides have agreed on this direction of the audio."""
        for phone, expected in ((self.alice, alice), (self.bob, bob)):
            until(f"the audio of {phone.user} is {expected}", lambda: phone.media()[0] == expected)  # noqa: B023

    def talk(self) -> None:
        """Ten more packets arrive on each side, which sends as well."""
        for phone in (self.alice, self.bob):
            _, sent, received = phone.media()
            until(f"{phone.user} receives RTP", lambda: phone.media()[2] >= received + 10)  # noqa: B023
            self.assertGreater(phone.media()[1], sent)

    def test_udp(self) -> None:
        self.call("udp", "udp")

    def test_tcp(self) -> None:
        self.call("tcp", "tcp")

    def test_hello_world(self) -> None:
        self.call("udp", "udp", HELLO_WORLD)

    def test_hello_world_tcp(self) -> None:
        self.call("tcp", "tcp", HELLO_WORLD)

    def test_hello_world_mixed(self) -> None:
        self.call("udp", "tcp", HELLO_WORLD)
