"""Phones for tests: they register, call, ring, answer, hang up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from sipexpress.sip.headers import split_list
from sipexpress.sip.message import Request, Response
from sipexpress.sip.nameaddr import NameAddr
from sipexpress.sip.uri import Uri
from sipexpress.testing.agent import Agent, Exchange, Incoming
from sipexpress.testing.wire import SERVER, Address, Wire

SDP = "v=0\r\no=- 1 1 IN {0}\r\ns=-\r\nc=IN {0}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

Headers = Sequence[tuple[str, str]]


class Dialog:
    """What both ends of a call remember (RFC 3261 12)."""

    def __init__(self, phone: Phone, call_id: str, local: str, remote: str, target: str, routes: list[str]) -> None:
        self.phone = phone
        self.call_id = call_id
        self.local = local
        """From of what this phone sends."""
        self.remote = remote
        self.target = target
        """The Request-URI of what this phone sends."""
        self.routes = routes
        self.cseq = 100

    def request(self, method: str, headers: Headers = (), body: bytes = b"", cseq: int | None = None) -> Exchange:
        """Send a request inside the dialog; an ACK is sent without waiting for anything."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        target, routes = self.target, self.routes
        if routes and ";lr" not in routes[0]:  # a strict router (RFC 3261 12.2.1.1)
            target, routes = routes[0].strip("<>"), [*routes[1:], f"<{target}>"]
        data = self.phone.compose(method, target, self.local, self.remote, self.call_id, cseq, headers, body, routes)
        destination = self.phone.next_hop(self.routes[0] if self.routes else target)
        if method == "ACK":
            self.phone.send_raw(data, destination)
            return Exchange(self.phone, _request(data))
        return self.phone.send(data, destination)

    def bye(self) -> Exchange:
        """Hang up."""
        return self.request("BYE")


class OutgoingCall(Exchange):
    """An INVITE of this phone. It acknowledges a 2xx by itself."""

    def __init__(self, phone: Phone, request: Request) -> None:
        super().__init__(phone, request)
        self.phone = phone
        self.dialogs: dict[bytes, Dialog] = {}
        """One for each To tag that a 2xx brought (a forked call may bring several)."""
        self.acknowledge = True

    @property
    def dialog(self) -> Dialog:
        """The first dialog. Raises AssertionError when the call was not answered."""
        assert self.dialogs, f"the call was not answered: {self.statuses}"
        return next(iter(self.dialogs.values()))

    def took(self, response: Response) -> None:
        """A response came: make the dialog of a 2xx, and acknowledge it."""
        super().took(response)
        if not 200 <= response.status < 300:
            return
        tag = response.to_tag or b""
        dialog = self.dialogs.get(tag)
        if dialog is None:
            routes = [item.decode() for item in response.header_list("record-route")][::-1]
            dialog = self.dialogs[tag] = Dialog(
                self.phone,
                self.request.call_id.decode(),
                _text(self.request, "from"),
                _text(response, "to"),
                # RFC 3261 12.1.1 wants a Contact; without one there is only what was called.
                str(response.contacts[0].uri) if response.contacts else self.request.raw_uri.decode(),
                routes,
            )
        if self.acknowledge:
            dialog.request("ACK", cseq=self.request.cseq.number)

    def cancel(self) -> Exchange:
        """Give up before an answer."""
        return self.phone.cancel(self)

    def bye(self) -> Exchange:
        """Hang up."""
        return self.dialog.bye()


class IncomingCall(Incoming):
    """An INVITE that this phone got."""

    @cached_property
    def dialog(self) -> Dialog:
        """The dialog, once it was answered, if only with 180. Raises AssertionError before."""
        assert self.tag, "the call was not answered"
        request = self.request
        phone: Any = self.agent
        return Dialog(
            phone,
            request.call_id.decode(),
            f"{_text(request, 'to')};tag={self.tag.decode()}" if request.to_tag is None else _text(request, "to"),
            _text(request, "from"),
            str(request.contacts[0].uri),
            [item.decode() for item in request.header_list("record-route")],
        )

    def ring(self) -> None:
        """Answer 180, and ring on."""
        self.reply(180)

    def answer(self) -> None:
        """Answer 200, with a session description."""
        self.reply(200, body=_session(self.agent))

    def reject(self, code: int = 486) -> None:
        """Refuse it with a final status code."""
        self.reply(code)


class Phone(Agent):
    """A phone at `host` that uses the server at `server`.

    Incoming calls are in `calls`; `on_call` is called with each new one and rings by default.
    """

    def __init__(
        self,
        wire: Wire,
        user: str,
        host: str,
        port: int = 5060,
        *,
        server: Address = (SERVER, 5060),
        protocol: str = "UDP",
        domain: str = "",
    ) -> None:
        super().__init__(wire, host, port, protocol, user)
        self.server = server
        self.domain = domain or (f"[{server[0]}]" if ":" in server[0] else server[0])
        self.calls: list[IncomingCall] = []
        self.on_call: Callable[[IncomingCall], None] = IncomingCall.ring
        self._call_id = f"reg-{self.unique()}"
        self._registered = 0

    def next_hop(self, route: str) -> Address:
        """Where a request goes: to the server, or to the address in its first Route or Request-URI."""
        uri = NameAddr.parse(route.encode()).uri
        if isinstance(uri, Uri):
            host = uri.host.strip("[]")
            if host.replace(".", "").isdigit() or ":" in host:
                return host, uri.port or 5060
        return self.server

    def compose(
        self,
        method: str,
        uri: str,
        from_: str,
        to: str,
        call_id: str,
        cseq: int,
        headers: Headers = (),
        body: bytes = b"",
        routes: Sequence[str] = (),
    ) -> bytes:
        """The bytes of a request of this phone."""
        via = f"SIP/2.0/{self.socket.protocol} {self.socket.sent_by.decode()};branch=z9hG4bK{self.unique()};rport"
        lines = [f"{method} {uri} SIP/2.0", f"Via: {via}", "Max-Forwards: 70"]
        lines += [f"Route: {route}" for route in routes]
        lines += [f"From: {from_}", f"To: {to}", f"Call-ID: {call_id}", f"CSeq: {cseq} {method}"]
        names = {name.lower() for name, _ in headers}
        if "contact" not in names and method in ("INVITE", "REGISTER", "SUBSCRIBE", "REFER"):
            lines.append(f"Contact: {self.contact.decode()}")
        lines += [f"{name}: {value}" for name, value in headers]
        if body and "content-type" not in names:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + body

    def aor(self, user: str) -> str:
        """``sip:user@domain``, or the text itself where it is a URI already."""
        return user if ":" in user else f"sip:{user}@{self.domain}"

    def request(self, method: str, to: str = "", headers: Headers = (), body: bytes = b"") -> Exchange:
        """Send a request outside any dialog, to a user or a URI (the server's own without `to`)."""
        uri = self.aor(to) if to else f"sip:{self.domain}"
        return self.send(self._new(method, uri, headers, body), self.server)

    def _new(self, method: str, uri: str, headers: Headers, body: bytes) -> bytes:
        from_ = f"<{self.aor(self.user)}>;tag={self.new_tag().decode()}"
        return self.compose(method, uri, from_, f"<{uri}>", f"call-{self.unique()}", 1, headers, body)

    def register(self, expires: int = 3600, headers: Headers = (), contact: str | None = None) -> Exchange:
        """Register, again with each call; 0 seconds unregister."""
        self._registered += 1
        me = f"<{self.aor(self.user)}>"
        more = [("Expires", str(expires)), *headers]
        if contact is not None:
            more += [("Contact", item.decode()) for item in split_list(contact.encode())]
        data = self.compose(
            "REGISTER",
            f"sip:{self.domain}",
            f"{me};tag={self.new_tag().decode()}",
            me,
            self._call_id,
            self._registered,
            more,
        )
        return self.send(data, self.server)

    def invite(self, to: str, headers: Headers = (), body: bytes | None = None) -> OutgoingCall:
        """Call a user or a URI."""
        data = self._new("INVITE", self.aor(to), headers, _session(self) if body is None else body)
        call = OutgoingCall(self, _request(data))
        self.send(data, self.server, call)
        return call

    def handle(self, incoming: Incoming) -> None:
        """A new request: a call, or something to answer with 200."""
        request = incoming.request
        if request.method == "INVITE" and request.to_tag is None:
            call = IncomingCall(self, request, incoming.flow)
            call.machine = incoming.machine
            assert call.machine is not None
            call.machine.owner = call
            self.calls.append(call)
            self.on_call(call)
        else:
            super().handle(incoming)


def _session(agent: Agent) -> bytes:
    """An SDP body: audio at the address of `agent`."""
    host = agent.socket.host
    return SDP.format(f"IP{'6' if ':' in host else '4'} {host}").encode()


def _request(data: bytes) -> Request:
    from sipexpress.sip.message import parse_message

    request = parse_message(data)
    assert isinstance(request, Request)
    return request


def _text(message: Request | Response, key: str) -> str:
    return (message.header(key) or b"").decode("utf-8", "surrogateescape")
