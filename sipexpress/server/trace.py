"""--trace: each message with direction, flow and Call-ID; secrets masked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from sipexpress.server.call import printable

if TYPE_CHECKING:
    from sipexpress.server.server import Server

_SECRETS = re.compile(
    rb"(?im)^((?:proxy-)?authorization|authentication-info)([ \t]*:[ \t]*)([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)"
)
_CALL_ID = re.compile(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)")


def masked(data: bytes) -> str:
    """A message for the log: credentials replaced, every control character but line ends made visible."""
    # The whole of it: line ends may stand before a message, and a body may quote another message.
    text = _SECRETS.sub(rb"\1\2***", data).decode("utf-8", "replace").replace("\r\n", "\n")
    return "".join(char if char == "\n" or char.isprintable() else "?" for char in text)


class Trace:
    """Stands between the desk and the transports of a server while it is switched on."""

    def __init__(self, server: Server) -> None:
        self._log = Logger(namespace="sipexpress.trace")
        self._server = server
        self._send = server.outbound.send
        self._received = server.inbound.received

    def switch(self, on: bool) -> None:
        """Begin or end."""
        server = self._server
        server.outbound.send = self.send if on else self._send  # type: ignore[method-assign]
        server.received = self.received if on else self._received

    def send(self, flow: Any, data: bytes) -> None:
        """A message leaves."""
        self._note("sent to", flow, data)
        self._send(flow, data)

    def received(self, data: bytes, flow: Any) -> None:
        """A message came."""
        self._note("received from", flow, data)
        self._received(data, flow)

    def _note(self, direction: str, flow: Any, data: bytes) -> None:
        found = _CALL_ID.search(data)
        self._log.info(
            "{direction} {protocol} {peer} on {socket}, Call-ID {call_id}\n{text}",
            direction=direction,
            protocol=flow.protocol,
            peer=f"{flow.address[0]}:{flow.address[1]}",
            socket=flow.socket,
            call_id=printable(found.group(1)) if found else "-",
            text=masked(data),  # not `message`, which Twisted's old log overwrites
        )
