"""``"Name" <uri>;parameters`` of From, To, Contact, Route and others (RFC 3261 20.10)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import QUOTE, blank_quoted, end_of_quoted, split_list, value_of
from sipexpress.sip.params import Params, param_of, parse_params, unquote, write_params
from sipexpress.sip.uri import AnyUri, parse_uri

# As nearly everybody writes it: behind the bracket, at the end.
_USUAL_TAG = re.compile(rb'[A-Za-z]+: (?:[^"<>\r]*|"[^"\\\r]*"[ \t]*)<[^<>"\r]*>;tag=([A-Za-z0-9\-.!%*_+`\'~]+)\Z')
_TAG = re.compile(rb';[ \t]*tag[ \t]*=[ \t]*([^\s;,"<>]+)', re.IGNORECASE)
_DISPLAY = re.compile(r"[A-Za-z0-9\-.!%*_+`'~ \t\x80-\U0010ffff\udc80-\udcff]*\Z")


class NameAddr:
    """An address with its display name and header parameters."""

    __slots__ = ("_uri", "display", "params", "uri_text")

    def __init__(self, display: str, uri_text: str, params: Params = ()) -> None:
        self.display = display
        """The display name without quotes."""
        self.uri_text = uri_text
        self.params = params
        self._uri: AnyUri | None = None

    @classmethod
    def parse(cls, value: bytes) -> NameAddr:
        """Read one element. Raises HeaderError."""
        text = value.decode("utf-8", "surrogateescape").strip()
        if text.startswith('"'):
            end = end_of_quoted(text.encode("utf-8", "surrogateescape"), 0)
            quoted = text.encode("utf-8", "surrogateescape")[:end].decode("utf-8", "surrogateescape")
            rest = text[len(quoted) :].lstrip()
            if len(quoted) < 2 or not quoted.endswith('"') or not rest.startswith("<"):
                raise HeaderError(f"address {text[:60]!r}: expected <uri> after the quoted name")
            return cls._bracketed(unquote(quoted), rest, text)
        before, less, rest = text.partition("<")
        if less:
            if not _DISPLAY.match(before):
                raise HeaderError(f"address {text[:60]!r}: the name has to be in quotes")
            return cls._bracketed(before.strip(), "<" + rest, text)
        # Without brackets all parameters are the header's, and the URI cannot hold , ? or ; (20.10).
        uri, semicolon, params = text.partition(";")
        uri = uri.rstrip()
        if not uri or ">" in uri or "," in uri or " " in uri or '"' in uri:
            raise HeaderError(f"address {text[:60]!r}: expected a URI")
        return cls("", uri, parse_params(semicolon + params, "address"))

    @classmethod
    def _bracketed(cls, display: str, rest: str, text: str) -> NameAddr:
        uri, greater, params = rest[1:].partition(">")
        if not greater or not uri.strip() or "<" in uri or '"' in uri:
            raise HeaderError(f"address {text[:60]!r}: expected <uri>")
        return cls(display, uri.strip(), parse_params(params.strip(), "address"))

    @property
    def uri(self) -> AnyUri:
        """The URI, parsed. Raises UriError."""
        if self._uri is None:
            self._uri = parse_uri(self.uri_text)
        return self._uri

    @property
    def tag(self) -> str | None:
        """The tag parameter."""
        return self.param("tag")

    def param(self, name: str) -> str | None:
        """The value of a header parameter; "" when it has none, None when it is not there."""
        return param_of(self.params, name)

    def __str__(self) -> str:
        display = ""
        if self.display:
            escaped = self.display.replace("\\", "\\\\").replace('"', '\\"')
            display = f'"{escaped}" '
        return f"{display}<{self.uri_text}>{write_params(self.params)}"

    def __repr__(self) -> str:
        return f"<NameAddr {self}>"


def parse_list(values: Iterable[bytes]) -> list[NameAddr]:
    """Every element of the comma lists in `values`. Raises HeaderError."""
    return [NameAddr.parse(item) for value in values for item in split_list(value)]


def tag_of(line: bytes) -> bytes | None:
    """The tag of a From or To line, without parsing the rest."""
    usual = _USUAL_TAG.match(line)
    if usual is not None:
        return usual[1]
    value = value_of(line)
    # A name, a URI or another parameter may hold ";tag=" too: look only behind them.
    if QUOTE in value:
        value = blank_quoted(value)
    behind = value.rfind(b">")
    found = _TAG.search(value, behind + 1)
    return None if found is None else found.group(1)
