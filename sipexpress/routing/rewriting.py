"""SER's functions that rewrite the Request-URI."""

from __future__ import annotations

from sipexpress.errors import HeaderError, RouteError, UriError
from sipexpress.routing.marks import allowed
from sipexpress.routing.twin import RouterBase
from sipexpress.server.kinds import BRANCH, FAILURE, REQUEST
from sipexpress.sip.uri import Uri, parse_uri

MAX_URI = 1024

_PLACES = REQUEST | FAILURE | BRANCH


class Rewriting(RouterBase):
    """Each gives True, or False when the current URI is no SIP URI or the result would be none.

    A change is visible in ``self.uri`` at once, and takes back a next hop that
    loose_route or lookup had set where it changes the host.
    """

    _sx_base = True

    @allowed(_PLACES)
    def rewriteuri(self, uri: str) -> bool:
        """Replace the whole Request-URI (SER core; also ``seturi``)."""
        msg = self._ctx.msg
        try:
            parse_uri(uri)
            msg.set_uri(uri)
        except (HeaderError, UriError):
            return False
        msg.dst_uri = msg.flow = None
        return True

    @allowed(_PLACES)
    def revert_uri(self) -> bool:
        """Take back every rewriting of the Request-URI (SER core)."""
        msg = self._ctx.msg
        msg.raw_uri = msg.original_uri
        return True

    @allowed(_PLACES)
    def rewritehost(self, host: str) -> bool:
        """Replace the host; port, user and parameters stay (also ``sethost``)."""
        return self._change(host=host)

    @allowed(_PLACES)
    def rewritehostport(self, hostport: str) -> bool:
        """Replace host and port by ``host[:port]`` (also ``sethostport``)."""
        try:
            other = Uri.parse(f"sip:{hostport}")
        except UriError:
            return False
        return self._change(host=other.host, port=other.port)

    @allowed(_PLACES)
    def rewriteport(self, port: int | str) -> bool:
        """Replace or add the port (also ``setport``)."""
        text = str(port)
        if not (text.isascii() and text.isdigit() and len(text) <= 5):
            return False
        return self._change(port=int(text))

    @allowed(_PLACES)
    def rewriteuser(self, user: str) -> bool:
        """Replace or add the user; a password stays (also ``setuser``)."""
        return self._change(user=user)

    @allowed(_PLACES)
    def rewriteuserpass(self, userpass: str) -> bool:
        """Replace user and password by ``user[:password]`` (also ``setuserpass``)."""
        user, colon, password = userpass.partition(":")
        return self._change(user=user, password=password if colon else None)

    @allowed(_PLACES)
    def prefix(self, text: str) -> bool:
        """Put `text` before the user part."""
        uri = self._current()
        return uri is not None and self._change(user=text + (uri.user or ""))

    @allowed(_PLACES)
    def strip(self, count: int | str) -> bool:
        """Take `count` characters off the front of the user part; all of it when it is shorter."""
        uri = self._current()
        return uri is not None and self._change(user=(uri.user or "")[_count(count) :] or None)

    @allowed(_PLACES)
    def strip_tail(self, count: int | str) -> bool:
        """Take `count` characters off the end of the user part; all of it when it is shorter."""
        uri = self._current()
        if uri is None:
            return False
        user = uri.user or ""
        return self._change(user=user[: max(0, len(user) - _count(count))] or None)

    seturi = rewriteuri
    sethost = seth = rewritehost
    sethostport = sethp = rewritehostport
    setport = setp = rewriteport
    setuser = setu = rewriteuser
    setuserpass = setup = rewriteuserpass

    def _current(self) -> Uri | None:
        try:
            uri = self._ctx.msg.uri
        except UriError:
            return None
        return uri if isinstance(uri, Uri) else None

    def _change(self, **parts: str | int | None) -> bool:
        uri = self._current()
        if uri is None:
            return False
        if "user" in parts and parts["user"] is None:
            parts["password"] = None
        changes: dict[str, object] = dict(parts)
        if "host" in parts:
            # It would lead to maddr still, which came with the request (RFC 3261 19.1.1).
            changes["params"] = tuple(param for param in uri.params if param[0] != "maddr")
        try:
            text = str(uri.replace(**changes))
        except UriError:
            return False
        if len(text) > MAX_URI:
            return False
        msg = self._ctx.msg
        msg.set_uri(text)
        if "host" in parts:
            msg.dst_uri = msg.flow = None
        return True


def _count(count: int | str) -> int:
    text = str(count)
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise RouteError(f"{count!r}: expected a number of characters")
    return int(text)
