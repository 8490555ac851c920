"""The base of the tests of Network."""

from __future__ import annotations

from typing import Any

import ifaddr
from twisted.internet import reactor as _reactor
from twisted.trial.unittest import TestCase

from sipexpress.transport.connections import Limits
from sipexpress.transport.listen import parse_listen
from sipexpress.transport.network import Network
from tests.transport.receiver import Receiver

reactor: Any = _reactor


def machine(**interfaces: list[str]) -> list[Any]:
    """What ifaddr says of a machine with these addresses."""
    return [
        ifaddr.Adapter(
            name, name, [ifaddr.IP((ip, 0, 2) if ":" in ip else ip, 64 if ":" in ip else 24, name) for ip in ips], index
        )
        for index, (name, ips) in enumerate(interfaces.items())
    ]


class NetworkCase(TestCase):
    """A Network on loopback."""

    timeout = 20

    def setUp(self) -> None:
        self.receiver = Receiver()
        self.network = self.made()

    def made(self, **options: Any) -> Network:
        network = Network(reactor, Limits(), **options)
        self.addCleanup(network.close)
        return network

    def open(self, *texts: str, network: Network | None = None) -> list[Any]:
        return list((network or self.network).open([parse_listen(text) for text in texts], self.receiver, None))

    def names(self, found: list[Any]) -> list[str]:
        return [str(socket) for socket in found]
