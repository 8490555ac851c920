"""UDP: a reader of our own, which drains the socket, and sends without waiting for the reactor."""

from __future__ import annotations

import errno
import os
import socket as sockets
import struct
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from sipexpress.transport.flow import Address, Flow
from sipexpress.transport.listen import Socket

BATCH = 64
RECEIVE_BUFFER = 4 * 1024 * 1024
WINDOW = 0.1
"""Seconds over which datagrams are counted to tell whether a socket is busy."""
BUSY = 100
"""Datagrams in one window from which on it is."""
FLOWS = 8192
PACE = 0.002
"""Seconds between two readings of a busy socket: being woken for each datagram costs more than handling it."""
QUEUE = 16
"""Datagrams that a busy socket keeps while it reads, to send them together: one at a time, each wakes its receiver,
which then takes the processor from the reader."""
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_ERRORS_AT_ONCE = 64
_QUOTED = 1024
# ICMP says the peer cannot be reached; others (a smaller MTU) are the kernel's business.
_UNREACHABLE = frozenset((errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPROTO))


class DatagramFlow(Flow):
    """A peer over UDP."""

    __slots__ = ()

    protocol = "UDP"
    reliable = False

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        socket: Any = self.socket
        if socket.queue is not None:
            socket.queue.append((data, self.address))
            return
        try:
            socket.sendto(data, self.address)
        except OSError as error:
            socket.retry(data, self.address, error)


@implementer(IReadDescriptor)
class UdpSocket(Socket):
    """One UDP socket on a reactor with IReactorFDSet."""

    _log = Logger()

    def __init__(
        self, reactor: Any, host: str, port: int, receiver: Any, advertised: tuple[str, int | None] | None
    ) -> None:
        family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
        sock = sockets.socket(family, sockets.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            if family == sockets.AF_INET6:
                sock.setsockopt(sockets.IPPROTO_IPV6, sockets.IPV6_V6ONLY, 1)
            self._tune(sock, family)
            sock.bind((host, port))
        except BaseException:
            sock.close()
            raise
        super().__init__("UDP", host, sock.getsockname()[1], receiver, advertised)
        self._reactor = reactor
        self._sock = sock
        self._stopped = False
        self._log_prefix = str(self)
        self._seconds = reactor.seconds
        self._window = 0.0
        """When the window ends in which `_taken` datagrams have come."""
        self._taken = 0
        self._turn: Any = None
        """The next reading, while the socket is busy and read by the clock."""
        self._flows: dict[Address, DatagramFlow] = {}
        """Flows of late peers: the same one serves all their messages."""
        self.sendto = sock.sendto
        self.queue: list[tuple[bytes, Address]] | None = None
        """What a busy socket has to send once it has read; None = everything is sent at once."""
        self.dropped = 0
        """Datagrams that the full send buffer refused."""
        reactor.addReader(self)

    @staticmethod
    def _tune(sock: sockets.socket, family: int) -> None:
        for option in (getattr(sockets, "SO_RCVBUFFORCE", 33), sockets.SO_RCVBUF):
            try:
                sock.setsockopt(sockets.SOL_SOCKET, option, RECEIVE_BUFFER)
                break
            except OSError:  # the forced one needs CAP_NET_ADMIN
                continue
        if os.uname().sysname == "Linux":
            if family == sockets.AF_INET6:
                sock.setsockopt(sockets.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                sock.setsockopt(sockets.IPPROTO_IP, _IP_RECVERR, 1)

    def flow_to(self, address: Address) -> Flow:
        """The flow to a peer."""
        flow = self._flows.get(address)
        if flow is None:
            if len(self._flows) >= FLOWS:
                self._flows.clear()
            flow = self._flows[address] = DatagramFlow(self, address)
        return flow

    # IReadDescriptor

    def fileno(self) -> int:
        """The descriptor; -1 once closed."""
        return self._sock.fileno()

    def logPrefix(self) -> str:
        """For Twisted's log context."""
        return self._log_prefix

    def doRead(self) -> None:
        """Take up to 64 datagrams."""
        taken = 0
        if self._turn is not None:
            self.queue = []
        try:
            taken = self._drain()
        finally:
            self._flush()
            self.queue = None
            if not self._stopped:
                self._pace(taken)

    def _flush(self) -> None:
        """Send what has been kept."""
        if not self.queue:
            return
        sendto = self.sendto
        for data, address in self.queue:
            try:
                sendto(data, address)
            except OSError as error:
                self.retry(data, address, error)
        self.queue.clear()

    def _pace(self, taken: int) -> None:
        """Look now and then whether so many datagrams come that the clock has to say when they are read."""
        self._taken += taken
        now = self._seconds()
        if now >= self._window:
            busy = self._taken >= BUSY
            self._taken = 0
            self._window = now + WINDOW
            if not busy:
                if self._turn is not None:
                    self._turn = None
                    self._reactor.addReader(self)
                return
            if self._turn is None:
                self._reactor.removeReader(self)
        elif self._turn is None:
            return
        self._turn = self._reactor.callLater(0 if taken == BATCH else PACE, self.doRead)

    def _drain(self) -> int:
        """Take up to 64 datagrams, and give their number."""
        recvfrom = self._sock.recvfrom
        received, flows, flow_to = self.receiver.received, self._flows, self.flow_to
        queue = self.queue
        for taken in range(BATCH):
            try:
                data, peer = recvfrom(65535)
            except BlockingIOError:
                return taken
            except OSError:
                if self._stopped:
                    return taken
                self._read_errors()
                continue
            if len(data) <= 4 or not data.strip(b"\r\n\0 "):
                continue  # a keep-alive (RFC 5626 4.4.1 and the phones that send four bytes)
            try:
                received(data, flows.get(peer) or flow_to(peer[:2]))
            except Exception:
                self._log.failure("a message from {peer} could not be handled", peer=peer)
            if queue is not None and len(queue) >= QUEUE:
                self._flush()
        return BATCH

    def connectionLost(self, reason: object) -> None:
        """The reactor takes a pending ICMP error for the end of a connection: read it, and stay."""
        if not self._stopped:
            if self._turn is None:
                self._reactor.addReader(self)
            self._read_errors()

    def _read_errors(self, later: bool = False) -> None:
        """Tell the receiver about datagrams that did not arrive (IP_RECVERR)."""
        for _ in range(_ERRORS_AT_ONCE):
            try:
                data, ancillary, _, peer = self._sock.recvmsg(_QUOTED, 512, sockets.MSG_ERRQUEUE)
            except OSError:
                return
            for _, _, detail in ancillary:
                if len(detail) < 16:
                    continue
                number, origin = struct.unpack_from("=IB", detail)
                if number not in _UNREACHABLE or origin not in (2, 3) or not peer:
                    continue
                flow, reason = DatagramFlow(self, peer[:2]), os.strerror(number)
                if later:
                    self._tell_later(flow, data, reason)
                else:
                    self.receiver.send_failed(flow, data, reason)

    def retry(self, data: bytes, address: Address, error: OSError) -> None:
        """A datagram was not taken: an error of an earlier one is reported by the next call."""
        if self._stopped:
            return
        if isinstance(error, BlockingIOError):
            self.dropped += 1
            return
        self._read_errors(later=True)
        try:
            self.sendto(data, address)
        except BlockingIOError:
            self.dropped += 1
        except OSError as again:
            self._tell_later(DatagramFlow(self, address), data, again.strerror or str(again))

    def _tell_later(self, flow: DatagramFlow, data: bytes, reason: str) -> None:
        # Later, so that no machine is told while it, or another branch of its request, starts.
        self._reactor.callLater(0, self.receiver.send_failed, flow, data, reason)

    def stop(self) -> None:
        """Close it."""
        if not self._stopped:
            self._flush()
            self._stopped = True
            self._reactor.removeReader(self)
            if self._turn is not None and self._turn.active():
                self._turn.cancel()
            self._sock.close()
