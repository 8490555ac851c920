"""A call between two pjsua2 phones."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.system.pjsua import run_call
from tests.system.programs import Server, need


class PjsuaTests(SynchronousTestCase):
    """Register, call, hold, un-hold, hang up; RTP flows both ways before the hold and after it."""

    def setUp(self) -> None:
        need("pjsua2")

    def call(self, transport: str) -> None:
        server = Server(self)
        seen = run_call(self, server, transport)
        self.assertEqual(seen["registered"], [200, 200])
        for when in ("before", "after"):
            for sent, received in seen[when]:
                self.assertGreater(sent, 0)
                self.assertGreaterEqual(received, 15)
        self.assertEqual(seen["ended"], [200, 200])
        server.stop()

    def test_udp(self) -> None:
        self.call("udp")

    def test_tcp(self) -> None:
        self.call("tcp")
