"""Forwarding without a transaction, and the responses to that (RFC 3261 16.11)."""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING

from sipexpress.errors import ParseError
from sipexpress.server.call import Call, Target
from sipexpress.server.nexthop import live, next_hop
from sipexpress.sip.compose import received_via
from sipexpress.sip.message import Request, Response
from sipexpress.sip.via import Via

if TYPE_CHECKING:
    from sipexpress.server.server import Server
    from sipexpress.transport.flow import Flow
    from sipexpress.transport.listen import Socket

_BRANCH = b"z9hG4bKsx."
_ACK_BRANCH = b"z9hG4bKsa."
_TOKEN = 12
"""The token in a branch: 8 hex digits for the Request-URI, 4 for the socket the request came to."""


class Stateless:
    """The stateless part of the desk."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def forward(self, call: Call, request: Request, target: Target, *, confirmed: bool = False) -> bool:
        """Forward without a transaction (RFC 3261 16.11). True when the target is well formed.

        `confirmed`: the ACK for a 2xx. Any other ACK gets the branch that its INVITE got, or the next hop would not
        find the transaction that it ends.
        """
        server = self._server
        hop = next_hop(target.uri, target.dst_uri)
        if hop is None:
            call.error = 479
            return False
        call.acted = True
        if call.source.reliable and not confirmed:
            # The response has to find the connection, whatever the caller wrote into its Via.
            request = request.copy()
            request.replace_first("via", received_via(request, *call.source.address))
        if target.flow is not None and live(target.flow):
            self._forward_to(call, request, target.uri, target.flow, confirmed)  # type: ignore[arg-type]
            return True
        answer = hop.locate(server.resolver)
        if isinstance(answer, list):
            return self._forward_first(call, request, target.uri, answer, confirmed)
        copy = request.copy()
        answer.addCallbacks(
            lambda places: self._forward_first(call, copy, target.uri, places, confirmed),
            lambda _: server.counters.note("unresolved"),
        )
        return True

    def _forward_first(
        self, call: Call, request: Request, uri: bytes, places: list[tuple[str, str, int]], confirmed: bool
    ) -> bool:
        for protocol, host, port in places:
            flow = self._server.network.flow_to(protocol, (host, port), request.send_socket or call.source.socket)
            if flow is not None:
                self._forward_to(call, request, uri, flow, confirmed)
                return True
        self._server.counters.note("no_socket")
        call.error = 477
        return False

    def _forward_to(self, call: Call, request: Request, uri: bytes, flow: Flow, confirmed: bool) -> None:
        server = self._server
        if confirmed:
            # Nothing comes back: the branch only has to be the same for each retransmission.
            branch = _ACK_BRANCH + server.secret.hop(request.header("via") or b"", uri)
        else:
            token = server.secret.hop(uri)[:8] + self._socket_token(call.source.socket)
            branch = self._branch(request, request.via, token)
        server.outbound.send(flow, server.outbound.forwarded(call, request, uri, flow, branch))

    def _socket_token(self, socket: Socket) -> bytes:
        return self._server.secret.hop(b"socket", str(socket).encode())[:4]

    def _branch(self, message: Request | Response, previous: Via, token: bytes) -> bytes:
        """The same for every retransmission, and checkable on the response: it carries all of the parts,
        the place that the response goes back to among them.
        """
        mac = self._server.secret.hop(
            token,
            _bytes(previous.branch),
            _bytes(previous.transport),
            _bytes(previous.host.lower()),
            _bytes(previous.port),
            _bytes(previous.received),
            _bytes(previous.rport),
            message.call_id,
            message.from_tag or b"",
            b"%d" % message.cseq.number,
        )
        return b"".join((_BRANCH, token, b".", mac))

    def response(self, response: Response, key: bytes, flow: Flow) -> None:
        """A response without transaction: only one to our own stateless forwarding goes on (16.11)."""
        server = self._server
        if not key.startswith(_BRANCH):
            server.counters.note("stray_responses")
            return
        data = response.without_via()
        vias = response.header_list("via")
        if data is None or len(vias) < 2:
            server.counters.note("stray_responses")
            return
        token = key[len(_BRANCH) :][:_TOKEN]
        try:
            via = Via.parse(vias[1])
            if not compare_digest(key, self._branch(response, via, token)):
                server.counters.note("stray_responses")
                return
        except ParseError:
            server.counters.note("malformed")
            return
        host = via.received or via.host
        rport = via.rport
        port = int(rport) if rport and rport.isascii() and rport.isdigit() else via.port or 5060
        # By the socket that the request came to, where that still is.
        own = [socket for socket in server.sockets if self._socket_token(socket) == token[8:]]
        answer = server.resolver.locate(host.strip("[]"), port, via.transport.lower(), False)
        if isinstance(answer, list):
            for protocol, address, number in answer:
                back = server.network.flow_to(protocol, (address, number), own[0] if own else flow.socket)
                if back is not None:
                    server.outbound.send(back, data)
                    return
        server.counters.note("unroutable_responses")


def _bytes(part: str | int | None) -> bytes:
    return b"" if part is None else str(part).encode("utf-8", "surrogateescape")
