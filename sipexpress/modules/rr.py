"""rr: Record-Route and Route, signed (RFC 3261 16.4, 16.6 step 4, 16.12; RFC 5658)."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import attrs
from zope.interface import implementer

from sipexpress.errors import HeaderError, ParseError, UriError
from sipexpress.interfaces import IModule
from sipexpress.routing.marks import allowed
from sipexpress.routing.use import Functions, ModuleBase
from sipexpress.server.call import sent_by
from sipexpress.server.kinds import BRANCH, FAILURE, REQUEST
from sipexpress.server.parameters import switch
from sipexpress.sip.message import Request
from sipexpress.sip.routeset import Route
from sipexpress.sip.uri import Uri

MARK = "dm"
"""The Record-Route parameter that carries the dialog mark."""

# The header of an entry as record_route() writes it: its place, and its mark.
_OURS = re.compile(
    rb"Route: <sip:([A-Za-z0-9.:\-\[\]]+)(?:;transport=[a-z]+)?(?:;ftag=[A-Za-z0-9\-_.!~*'()+]+)?"
    rb";dm=([0-9a-f]{16});lr(?:=on)?>\Z"
)
# A tag that may stand in a URI as it is (RFC 3261 25.1: unreserved). Others would need escapes.
_PLAIN = re.compile(rb"[A-Za-z0-9\-_.!~*'()+]{1,128}\Z")


class Recorded:
    """The Record-Route entry of one request: the part that does not depend on the socket."""

    __slots__ = ("_advertised", "_double", "_incoming", "_tail", "_user")

    def __init__(
        self, user: bytes, tail: bytes, incoming: Any, double: bool, advertised: tuple[bytes, bytes] | None = None
    ) -> None:
        self._user = user
        self._tail = tail
        self._incoming = incoming
        self._double = double
        self._advertised = advertised

    def line(self, socket: Any, r2: bytes = b"") -> bytes:
        """The header line that names `socket`."""
        transport = b"" if socket.protocol == "UDP" else b";transport=" + socket.protocol.lower().encode()
        place = sent_by(socket, self._advertised)
        return b"".join((b"Record-Route: <sip:", self._user, place, transport, r2, self._tail, b">"))

    def leave_by(self, request: Request, socket: Any) -> None:
        """The request leaves by another socket: one entry for each side (RFC 5658)."""
        if self._double:
            request.replace_first("record-route", self.line(self._incoming, b";r2=on"))
            request.insert(0, "record-route", self.line(socket, b";r2=on"))


class RrFunctions(Functions):
    """What routes call as ``self.rr``."""

    __slots__ = ()

    module: Rr

    @allowed(REQUEST | FAILURE | BRANCH)
    def record_route(self) -> bool:
        """Stay in the path of the dialog: add a signed Record-Route with this server (SER rr).

        Two entries are written when the request leaves by another socket. Call it before
        t_relay. False when called a second time for the same request. Does not wait.
        """
        ctx = self.ctx
        msg = ctx.msg
        if msg.record is not None:
            return False
        module = self.module
        tail = self._tail(msg)
        user = b""
        if module.add_username:
            user = _user(msg)
        recorded = Recorded(user, tail, ctx.call.source.socket, module.enable_double_rr, ctx.call.advertised)
        msg.record = recorded
        msg.insert(0, "record-route", recorded.line(ctx.call.source.socket))
        return True

    @allowed(REQUEST | FAILURE | BRANCH)
    def record_route_preset(self, text: str) -> bool:
        """Add a Record-Route with `text` (``host[:port][;parameters]``) as its address (SER rr).

        The parameters come back in the Route of later requests. False when a Record-Route
        was added before; HeaderError when the text cannot stand in a header. Does not wait.
        """
        ctx = self.ctx
        msg = ctx.msg
        if msg.record is not None:
            return False
        try:
            good = Uri.parse(f"sip:{text}").user is None
        except UriError:
            good = False
        if not good:
            raise HeaderError(f"record_route_preset({text!r}): expected host[:port][;parameters]")
        tail = self._tail(msg)
        value = b"<sip:" + _user(msg) + text.encode("utf-8", "surrogateescape") + tail + b">"
        msg.add("Record-Route", value, top=True)
        msg.record = Recorded(b"", tail, ctx.call.source.socket, False)
        return True

    def _tail(self, msg: Request) -> bytes:
        """The parameters of an entry."""
        module = self.module
        tag = msg.from_tag or b""
        tail = b";ftag=" + tag if module.append_fromtag and _PLAIN.match(tag) else b""
        if module.dialog_mark:
            tail += b";%b=%b" % (MARK.encode(), self.ctx.server.secret.mark(msg.call_id, tag))
        return tail + (b";lr=on" if module.enable_full_lr else b";lr")

    @allowed(REQUEST)
    def loose_route(self) -> bool:
        """Follow the route set of a dialog: True when the request is to be relayed as it is now (SER rr).

        Our own Route entries are removed; the next one becomes the next hop; strict routers
        before and behind us are served (RFC 3261 16.4, 16.6 step 6). With `dialog_mark` it is
        True only inside a dialog that record_route() has signed: the mark of the removed entry
        fits the Call-ID and a tag of this request. Everything else is a new request, whatever
        its Route or To tag says. The mark proves a dialog, not who pays. Does not wait.
        """
        msg = self.ctx.msg
        count = msg.keys.count("route")
        if not count:
            return False
        if count == 1 and self.module.dialog_mark and self._is_usual(msg):
            msg.remove_lines("route")
            msg.dst_uri = None
            return True
        try:
            return self._loose_route(msg, [Route(item) for item in msg.header_list("route")])
        except ParseError:
            self.ctx.call.error = 400
            return False

    def _is_usual(self, msg: Request) -> bool:
        """Whether the only Route is an entry of ours for this dialog, and nobody before us is a strict router.
        So it is for nearly every request; told without reading the entry as a URI.
        """
        found = _OURS.match(msg.line("route") or b"")
        if found is None or msg.to_tag is None:
            return False
        identity, uri = self.ctx.server.identity, msg.uri
        place, mark = found.groups()
        if place not in identity.places or not isinstance(uri, Uri) or identity.has(uri.host, uri.port):
            return False
        return self._signed(msg, mark)

    def _loose_route(self, msg: Request, routes: list[Route]) -> bool:
        in_dialog = msg.to_tag is not None
        before = len(routes)
        mark: str | None = None
        server = self.ctx.server
        request_uri = msg.uri
        strict = in_dialog and isinstance(request_uri, Uri) and server.is_myself(request_uri.host, request_uri.port)
        if strict:
            mark = request_uri.param(MARK)
        while routes and routes[0].host is not None and server.is_myself(routes[0].host, routes[0].port):
            route = routes.pop(0)
            mark = mark or route.param(MARK)
            if route.param("r2") is None:
                break
        if before != len(routes):
            self._write(msg, routes)
        if self.module.dialog_mark:
            if not in_dialog or not mark or not self._signed(msg, mark.encode("ascii", "replace")):
                return False
        elif not routes:
            return in_dialog and before > 0 and not strict
        if strict:
            return self._from_strict(msg, routes)
        if routes:
            self._follow(msg, routes)
        else:
            msg.dst_uri = None
        return True

    def _from_strict(self, msg: Request, routes: list[Route]) -> bool:
        """The hop before us put our entry into the Request-URI: its URI is the last Route (16.4)."""
        if not routes:
            return False
        if len(routes) > 1 and routes[0].param("lr") is None:
            msg.set_uri(routes.pop(0).text)
        else:
            msg.set_uri(routes.pop().text)
            msg.dst_uri = routes[0].text if routes else None
        self._write(msg, routes)
        return True

    def _follow(self, msg: Request, routes: list[Route]) -> None:
        if routes[0].param("lr") is not None:
            msg.dst_uri = routes[0].text
            return
        # A strict router comes next (16.6 step 6): it wants itself in the Request-URI.
        strict = routes.pop(0)
        routes.append(Route(b"<" + msg.raw_uri + b">"))
        self._write(msg, routes)
        msg.set_uri(strict.text)
        msg.dst_uri = None

    def _signed(self, msg: Request, mark: bytes) -> bool:
        return bool(self.ctx.server.secret.check_mark(mark, msg.call_id, (msg.from_tag, msg.to_tag)))

    def _write(self, msg: Request, routes: list[Route]) -> None:
        msg.replace_lines("route", [b"Route: " + route.raw for route in routes])


def _user(msg: Request) -> bytes:
    uri = msg.uri
    if isinstance(uri, Uri) and uri.user:
        return uri.user.encode("utf-8", "surrogateescape") + b"@"
    return b""


@implementer(IModule)
@attrs.define(kw_only=True, eq=False)
class Rr(ModuleBase):
    """Record-Route and Route."""

    name: ClassVar[str] = "rr"
    functions: ClassVar[type[RrFunctions]] = RrFunctions

    enable_full_lr: bool = attrs.field(default=False, converter=switch)
    """Write ``;lr=on`` instead of ``;lr``, for phones that lose parameters without a value."""
    append_fromtag: bool = attrs.field(default=True, converter=switch)
    """Add ``;ftag=`` with the From tag, where that can stand in a URI."""
    enable_double_rr: bool = attrs.field(default=True, converter=switch)
    """Write two entries when the request leaves by another socket than it came in on."""
    add_username: bool = attrs.field(default=False, converter=switch)
    """Put the Request-URI's user part into the entry of record_route()."""
    dialog_mark: bool = attrs.field(default=True, converter=switch)
    """Sign the entries, and follow only signed ones. Off = the plain behavior of RFC 3261, where
    whoever sends a Route header is relayed."""
