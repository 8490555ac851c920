"""Calls between two SIPp, with requests inside the calls from both sides."""

from __future__ import annotations

from unittest import SkipTest

from tests.system.ports import has_ipv6
from tests.system.server import HELLO_WORLD, Server
from tests.system.sipp import SippCase


class HelloWorldTests(SippCase):
    """SIPp registers and makes 200 calls through the guide's Hello World."""

    def serve(self, caller: str, callee: str) -> None:
        server = Server(self, HELLO_WORLD)
        self.calls(server, 200, caller, callee)
        server.stop()

    def test_udp(self) -> None:
        self.serve("udp", "udp")

    def test_tcp(self) -> None:
        self.serve("tcp", "tcp")


class MixedTests(SippCase):
    """One side speaks UDP and the other TCP: the server is in Record-Route with both."""

    def serve(self, caller: str, callee: str, *options: str) -> None:
        server = Server(self, *options)
        self.calls(server, 20, caller, callee)
        server.stop()

    def test_udp_to_tcp(self) -> None:
        self.serve("udp", "tcp", HELLO_WORLD)

    def test_tcp_to_udp(self) -> None:
        self.serve("tcp", "udp", HELLO_WORLD)

    def test_through_lan(self) -> None:
        self.serve("udp", "tcp")


class Ipv6Tests(SippCase):
    """The same on the loopback address of IPv6."""

    def serve(self, caller: str, callee: str, *options: str) -> None:
        if not has_ipv6():
            raise SkipTest("this machine has no ::1")
        server = Server(self, *options, host="::1")
        self.calls(server, 20, caller, callee)
        server.stop()

    def test_udp(self) -> None:
        self.serve("udp", "udp", HELLO_WORLD)

    def test_tcp(self) -> None:
        self.serve("tcp", "tcp", HELLO_WORLD)

    def test_mixed_through_lan(self) -> None:
        self.serve("tcp", "udp")
