"""SER's functions that rewrite the Request-URI."""

from __future__ import annotations

from sipexpress.errors import HeaderError, RouteError, UriError
from sipexpress.routing.twin import RouterBase
from sipexpress.sip.uri import Uri

MAX_URI = 1024


class Rewriting(RouterBase):
    """Each gives True, or False when the current URI is no SIP URI or the result would be none.

    A change is visible in ``self.uri`` at once, and takes back a next hop that
    loose_route or lookup had set where it changes the host.
    """

    def rewriteuri(self, uri: str) -> bool:
        """Replace the whole Request-URI (SER core; also ``seturi``)."""
        msg = self._ctx.msg
        try:
            msg.set_uri(uri)
        except HeaderError:
            return False
        msg.dst_uri = msg.flow = None
        return True

    def revert_uri(self) -> bool:
        """Take back every rewriting of the Request-URI (SER core)."""
        msg = self._ctx.msg
        msg.raw_uri = msg.original_uri
        return True

    def rewritehost(self, host: str) -> bool:
        """Replace the host; port, user and parameters stay (also ``sethost``)."""
        return self._change(host=host)

    def rewritehostport(self, hostport: str) -> bool:
        """Replace host and port by ``host[:port]`` (also ``sethostport``)."""
        try:
            other = Uri.parse(f"sip:{hostport}")
        except UriError:
            return False
        return self._change(host=other.host, port=other.port)

    def rewriteport(self, port: int | str) -> bool:
        """Replace or add the port (also ``setport``)."""
        text = str(port)
        if not (text.isascii() and text.isdigit() and len(text) <= 5):
            return False
        return self._change(port=int(text))

    def rewriteuser(self, user: str) -> bool:
        """Replace or add the user; a password stays (also ``setuser``)."""
        return self._change(user=user)

    def rewriteuserpass(self, userpass: str) -> bool:
        """Replace user and password by ``user[:password]`` (also ``setuserpass``)."""
        user, colon, password = userpass.partition(":")
        return self._change(user=user, password=password if colon else None)

    def prefix(self, text: str) -> bool:
        """Put `text` before the user part."""
        uri = self._current()
        return uri is not None and self._change(user=text + (uri.user or ""))

    def strip(self, count: int | str) -> bool:
        """Take `count` characters off the front of the user part; all of it when it is shorter."""
        uri = self._current()
        return uri is not None and self._change(user=(uri.user or "")[_count(count) :] or None)

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
        try:
            text = str(uri.replace(**parts))
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
