"""The transactions of a phone: what it sends again, what it absorbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sipexpress.server.clockwork import Clockwork
from sipexpress.sip.compose import compose_ack, compose_cancel, compose_reply
from sipexpress.sip.message import Request, Response, header_line, parse_message
from sipexpress.sip.status import reason as reason_of
from sipexpress.sip.via import branch_of
from sipexpress.testing.wire import Address, Wire, WireSocket
from sipexpress.transaction.effects import ACK, DELIVER, END, SEND, TIMEOUT
from sipexpress.transaction.invite_client import InviteClient
from sipexpress.transaction.invite_server import InviteServer
from sipexpress.transaction.keys import server_key
from sipexpress.transaction.machine import Machine
from sipexpress.transaction.plain_client import PlainClient
from sipexpress.transaction.plain_server import PlainServer
from sipexpress.transaction.timers import Timers


class Exchange:
    """A request that a phone sent, and what came back."""

    def __init__(self, agent: Agent, request: Request) -> None:
        self.agent = agent
        self.request = request
        self.responses: list[Response] = []
        """Every response that its transaction passed on, in order."""
        self.timed_out = False
        """Whether no final response came in time, or the request could not be sent."""
        self.machine: InviteClient | PlainClient | None = None

    @property
    def statuses(self) -> list[int]:
        """The status codes of all responses."""
        return [response.status for response in self.responses]

    @property
    def status(self) -> int:
        """The last status code; 0 = nothing came."""
        return self.responses[-1].status if self.responses else 0

    @property
    def response(self) -> Response:
        """The last response. Raises AssertionError when nothing came."""
        assert self.responses, f"no response to {self.request.method}"
        return self.responses[-1]

    def took(self, response: Response) -> None:
        """A response came."""
        self.responses.append(response)


class Incoming:
    """A request that a phone got, to be answered."""

    def __init__(self, agent: Agent, request: Request, flow: Any) -> None:
        self.agent = agent
        self.request = request
        self.flow = flow
        self.canceled = False
        """Whether a CANCEL came (the phone has answered 487)."""
        self.acknowledged = False
        """Whether the ACK for a 2xx came."""
        self.machine: InviteServer | PlainServer | None = None
        self.tag = b""

    def reply(self, code: int, reason: str = "", headers: Sequence[tuple[str, str]] = (), body: bytes = b"") -> None:
        """Answer it."""
        lines = [header_line(name, value)[1] for name, value in headers]
        if self.request.method in ("INVITE", "SUBSCRIBE", "REFER") and 100 < code < 400:
            lines.append(b"Contact: " + self.agent.contact)
        if body:
            lines.append(b"Content-Type: application/sdp")
        tag = self.tag or self.agent.new_tag()
        self.tag = tag
        data = compose_reply(self.request, code, reason or reason_of(code), tag if code > 100 else None, lines, body)
        self.agent.answer(self, code, data)


class Agent:
    """A user agent on the wire. It sends and answers exactly as the machines of the server do."""

    def __init__(self, wire: Wire, host: str, port: int, protocol: str, user: str) -> None:
        self.wire = wire
        self.user = user
        self.socket = WireSocket(wire, protocol, host, port, self)
        self.timers = Timers()
        self.received_messages: list[Request | Response] = []
        """Every message that came, retransmissions included."""
        self.requests: list[Request] = []
        """Every new request that came, ACKs included."""
        self.on_request: Callable[[Incoming], None] = lambda incoming: incoming.reply(200)
        """What to do with a new request that is no part of a call."""
        self._clockwork = Clockwork(wire.clock, self._expired)
        self._clients: dict[bytes, InviteClient | PlainClient] = {}
        self._servers: dict[bytes, InviteServer | PlainServer] = {}
        self._count = 0

    @property
    def address(self) -> Address:
        """Its IP address and port."""
        return self.socket.host, self.socket.port

    @property
    def contact(self) -> bytes:
        """Its Contact value."""
        transport = "" if self.socket.protocol == "UDP" else ";transport=tcp"
        return f"<sip:{self.user}@{self.socket.sent_by.decode()}{transport}>".encode()

    def unique(self) -> str:
        """A text that this agent has never used."""
        self._count += 1
        return f"{self.user}-{self.socket.host.replace(':', '.')}-{self.socket.port}-{self._count}"

    def new_tag(self) -> bytes:
        """A new tag."""
        return f"tag-{self.unique()}".encode()

    # what it sends

    def send_raw(self, data: bytes, destination: Address) -> None:
        """Send bytes as they are."""
        self.socket.flow_to(destination).send(data)

    def send(self, data: bytes, destination: Address, exchange: Exchange | None = None) -> Exchange:
        """Send a request through a client transaction."""
        request = parse_message(data)
        assert isinstance(request, Request)
        if exchange is None:
            exchange = Exchange(self, request)
        key = branch_of(request.header_values("via")[0]) or b""
        if request.method == "CANCEL":
            key += b"\tCANCEL"
        kind = InviteClient if request.method == "INVITE" else PlainClient
        flow = self.socket.flow_to(destination)
        self._begin(kind(key, flow, flow.reliable, self.timers, exchange), data)
        return exchange

    def _begin(self, machine: InviteClient | PlainClient, data: bytes) -> None:
        machine.sent = data
        self._clients[machine.key] = machine
        exchange: Any = machine.owner
        exchange.machine = machine
        machine.start(self._clockwork.now())
        machine.flow.send(data)  # type: ignore[attr-defined]
        self._clockwork.arm(machine)

    def cancel(self, exchange: Exchange) -> Exchange:
        """Send the CANCEL for an INVITE, at once."""
        invite: Any = exchange.machine
        data = compose_cancel(invite.sent or exchange.request.raw)
        request = parse_message(data)
        assert isinstance(request, Request)
        canceling = Exchange(self, request)
        machine = PlainClient(invite.key + b"\tCANCEL", invite.flow, invite.reliable, self.timers, canceling)
        self._begin(machine, data)
        return canceling

    def answer(self, incoming: Incoming, code: int, data: bytes) -> None:
        """Send a response through the server transaction of a request."""
        machine = incoming.machine
        assert machine is not None, "the request was answered, and its transaction has ended"
        effects = machine.reply(code, data, self._clockwork.now(), True)
        if effects:
            incoming.flow.send(data)
        if effects & END:
            self._servers.pop(machine.key, None)
        elif machine.due:
            self._clockwork.arm(machine)

    # what comes

    def received(self, data: bytes, flow: Any) -> None:
        """One message from the wire."""
        message = parse_message(data)
        self.received_messages.append(message)
        if isinstance(message, Response):
            self._response(message)
        else:
            self._request(message, flow)

    def _response(self, response: Response) -> None:
        key = branch_of(response.header_values("via")[0]) or b""
        if response.cseq.method == "CANCEL":
            key += b"\tCANCEL"
        machine = self._clients.get(key)
        if machine is None:
            return
        effects = machine.receive(response.status, self._clockwork.now())
        if effects & ACK:
            assert isinstance(machine, InviteClient)
            if not machine.ack:
                machine.ack = compose_ack(machine.sent, response)
            machine.flow.send(machine.ack)  # type: ignore[attr-defined]
        self._after(machine, effects)
        if effects & DELIVER:
            machine.owner.took(response)  # type: ignore[attr-defined]

    def _after(self, machine: Machine, effects: int) -> None:
        if effects & END:
            self._clients.pop(machine.key, None)
            self._servers.pop(machine.key, None)
        elif machine.due:
            self._clockwork.arm(machine)

    def _request(self, request: Request, flow: Any) -> None:
        method = request.method
        key = server_key(request, request.via, method in ("ACK", "CANCEL"))
        machine = self._servers.get(key)
        if method == "ACK":
            self._ack(request, machine)
            return
        if method == "CANCEL":
            self._cancel(request, machine, flow)
            return
        if machine is not None:
            if machine.request(self._clockwork.now()) & SEND:
                machine.flow.send(machine.sent)  # type: ignore[attr-defined]
            return
        if flow.reliable:
            flow.reply_port = request.via.port or 5060
        incoming = Incoming(self, request, flow)
        kind = InviteServer if method == "INVITE" else PlainServer
        incoming.machine = self._servers[key] = kind(key, flow, flow.reliable, self.timers, incoming)
        self.requests.append(request)
        self.handle(incoming)

    def handle(self, incoming: Incoming) -> None:
        """A new request."""
        self.on_request(incoming)

    def _ack(self, request: Request, machine: Machine | None) -> None:
        self.requests.append(request)
        if isinstance(machine, InviteServer):
            self._after(machine, machine.ack(self._clockwork.now()))
            return
        for other in self._servers.values():
            incoming: Any = other.owner
            if isinstance(other, InviteServer) and incoming.request.call_id == request.call_id:
                other.acknowledged()
                incoming.acknowledged = True

    def _cancel(self, request: Request, machine: Machine | None, flow: Any) -> None:
        code = 481 if machine is None else 200
        flow.send(compose_reply(request, code, reason_of(code), self.new_tag()))
        self.requests.append(request)
        if isinstance(machine, InviteServer) and machine.state == 0:
            incoming: Any = machine.owner
            incoming.canceled = True
            incoming.reply(487)

    def send_failed(self, flow: Any, data: bytes, reason: str) -> None:
        """A message did not arrive: its transaction is over."""
        if data.startswith(b"SIP/2.0 "):
            return
        key = branch_of(data.partition(b"\r\nVia: ")[2].partition(b"\r\n")[0])
        machine = self._clients.get(key or b"")
        if machine is not None and machine.failed():
            self._after(machine, END)
            machine.owner.timed_out = True  # type: ignore[attr-defined]

    def closed(self, flow: Any) -> None:
        """A connection was closed."""

    def _expired(self, machine: Machine, effects: int) -> None:
        if effects & SEND:
            machine.flow.send(machine.sent)  # type: ignore[attr-defined]
        self._after(machine, effects)
        if effects & TIMEOUT and isinstance(machine, InviteClient | PlainClient):
            machine.owner.timed_out = True  # type: ignore[attr-defined]
