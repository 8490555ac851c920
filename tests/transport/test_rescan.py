"""The sockets follow the machine's addresses."""

from __future__ import annotations

import socket as sockets

import ifaddr

from tests.transport.network_case import NetworkCase, machine
from tests.transport.receiver import closed_port


class RescanTests(NetworkCase):
    """Addresses come and go."""

    def setUp(self) -> None:
        super().setUp()
        self.port = closed_port()
        self.now(lan0=["127.0.0.2", "127.0.0.3"])

    def now(self, **interfaces: list[str]) -> None:
        """The machine has these addresses."""
        self.patch(ifaddr, "get_adapters", lambda: machine(**interfaces))

    def rescan(self) -> tuple[list[str], list[str]]:
        added, removed = self.network.rescan()
        return self.names(added), self.names(removed)

    def place(self, number: int) -> str:
        return f"udp:127.0.0.{number}:{self.port}"

    def test_nothing_new(self) -> None:
        before = self.open(f"udp:lan0:{self.port}")
        self.assertEqual(self.rescan(), ([], []))
        self.assertEqual(self.network.sockets, before)

    def test_one_comes_and_one_goes(self) -> None:
        kept = self.open(f"udp:{self.port}")[1]
        self.now(lan0=["127.0.0.3", "127.0.0.4"])
        self.assertEqual(self.rescan(), ([self.place(4)], [self.place(2)]))
        self.assertEqual(self.names(self.network.sockets), [self.place(3), self.place(4)])
        self.assertIs(self.network.sockets[0], kept)
        self.now(lan0=["127.0.0.2", "127.0.0.3", "127.0.0.4"])
        self.assertEqual(self.rescan(), ([self.place(2)], []))

    def test_loopback_gives_way_once_there_is_more(self) -> None:
        self.now(lo=["127.0.0.1"])
        self.assertEqual(self.names(self.open(f"udp:{self.port}")), [self.place(1)])
        self.now(lo=["127.0.0.1"], lan0=["192.0.2.1"])
        self.assertEqual(self.rescan(), ([], [self.place(1)]))

    def test_one_that_cannot_be_used_yet(self) -> None:
        self.open(f"udp:lan0:{self.port}")
        with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as other:
            other.bind(("127.0.0.4", self.port))
            self.now(lan0=["127.0.0.2", "127.0.0.3", "127.0.0.4"])
            self.assertEqual(self.rescan(), ([], []))
        self.assertEqual(self.rescan(), ([self.place(4)], []))

    def test_what_is_gone_is_no_longer_sent_from(self) -> None:
        self.open(f"udp:lan0:{self.port}")

        def source() -> object:
            flow = self.network.flow_to("UDP", ("127.0.0.9", 5060), None)
            return None if flow is None else str(flow.socket)

        self.assertEqual(source(), self.place(2))
        self.now(lan0=["127.0.0.3"])
        self.rescan()
        self.assertEqual(source(), self.place(3))

    def test_what_was_named_stays(self) -> None:
        found = self.open(self.place(2), "tcp:127.0.0.2:0", "udp:127.0.0.2:0")
        self.now(lan0=["127.0.0.4"])
        self.assertEqual(self.rescan(), ([], []))
        self.assertEqual(self.network.sockets, found)

    def test_an_interface_goes_and_comes_back(self) -> None:
        self.open(f"udp:lan0:{self.port}", f"udp:127.0.0.1:{self.port}")
        self.now(lo=["127.0.0.1"])
        self.assertEqual(self.rescan(), ([], [self.place(2), self.place(3)]))
        self.assertEqual(self.names(self.network.sockets), [self.place(1)])
        self.now(lo=["127.0.0.1"], lan0=["127.0.0.3"])
        self.assertEqual(self.rescan(), ([self.place(3)], []))
