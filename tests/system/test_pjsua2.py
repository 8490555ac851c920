"""A call between two pjsua2 phones."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.system.pjsua import run_call
from tests.system.programs import need
from tests.system.server import HELLO_WORLD, Server


class PjsuaTests(SynchronousTestCase):
    """Register, call, hold, un-hold, hang up; RTP flows both ways before the hold and after it."""

    def setUp(self) -> None:
        need("pjsua2")

    def call(self, transport: str, *options: str) -> None:
        server = Server(self, "--trace", *options)
        seen = run_call(self, server, transport)
        self.assertEqual(seen["registered"], [200, 200])
        for when in ("before", "after"):
            for sent, received in seen[when]:
                self.assertGreater(sent, 0)
                self.assertGreaterEqual(received, 15)
        self.assertEqual(seen["ended"], [200, 200])
        server.stop()
        for method in ("INVITE", "ACK", "BYE"):
            ways = {("received", transport.upper()), ("sent", transport.upper())}
            self.assertEqual(server.carried(method), ways)

    def test_udp(self) -> None:
        self.call("udp")

    def test_tcp(self) -> None:
        self.call("tcp")

    def test_hello_world(self) -> None:
        self.call("udp", HELLO_WORLD)

    def test_hello_world_tcp(self) -> None:
        self.call("tcp", HELLO_WORLD)
