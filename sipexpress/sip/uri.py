"""SIP URIs (RFC 3261 19.1)."""

from __future__ import annotations

import re
from functools import lru_cache

from sipexpress.errors import UriError
from sipexpress.sip.params import Params, param_of, write_params
from sipexpress.sip.tel import TelUri

MAX_URI = 4096

_SIP = re.compile(
    r"(sips?):"
    r"(?:([A-Za-z0-9\-_.!~*'()&=+$,;?/%#\[\]^`{}|\\\"\x80-\U0010ffff]+?)(?::([A-Za-z0-9\-_.!~*'()&=+$,%]*))?@)?"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9\-._]*[A-Za-z0-9.])?)(?::([0-9]{1,5}))?"
    r"((?:;[^;?\s<>\"@\x00-\x1f\x7f]*)*)(?:\?([^\s<>\"\x00-\x1f\x7f]*))?\Z",
    re.IGNORECASE | re.ASCII,
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):([^\s<>\"\x00-\x1f\x7f]+)\Z")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()")

# A parameter of these that only one of two URIs has makes them differ (19.1.4).
_DISTINCT = ("user", "ttl", "method", "maddr", "transport")


class Uri:
    """An immutable sip: or sips: URI. Parts are kept as written, so that ``str()`` gives the same text.

    Equality is that of RFC 3261 19.1.4.
    """

    __slots__ = ("_text", "headers", "host", "params", "password", "port", "scheme", "user")

    scheme: str
    """``sip`` or ``sips``."""
    user: str | None
    """As written, escapes included."""
    password: str | None
    host: str
    """As written; IPv6 in brackets."""
    port: int | None
    params: Params
    headers: str | None
    """What follows the question mark, unparsed."""

    def __init__(
        self,
        scheme: str,
        user: str | None,
        password: str | None,
        host: str,
        port: int | None,
        params: Params = (),
        headers: str | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "scheme", scheme)
        put(self, "user", user)
        put(self, "password", password)
        put(self, "host", host)
        put(self, "port", port)
        put(self, "params", params)
        put(self, "headers", headers)
        put(self, "_text", "")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a URI does not change; use replace({name}=...)")

    __delattr__ = None  # type: ignore[assignment]

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read a SIP URI. Raises UriError."""
        uri = parse_uri(text)
        if not isinstance(uri, Uri):
            raise UriError(f"{text[:80]!r}: expected a sip: or sips: URI")
        return uri

    def param(self, name: str) -> str | None:
        """The value of a parameter; "" when it has none, None when it is not there."""
        return param_of(self.params, name)

    @property
    def is_sips(self) -> bool:
        """Whether it demands TLS (RFC 3261 26.2.2)."""
        return self.scheme == "sips"

    @property
    def user_unescaped(self) -> str | None:
        """The user part without escapes."""
        return None if self.user is None else unescape(self.user)

    def replace(self, **parts: object) -> Uri:
        """The same URI with other parts. Raises UriError when that is none."""
        values = {
            name: getattr(self, name) for name in ("scheme", "user", "password", "host", "port", "params", "headers")
        }
        for name in parts:
            if name not in values:
                raise TypeError(f"a URI has no part {name!r}")
        values.update(parts)
        uri = Uri.parse(str(Uri(**values)))
        # A part must not become another one: a "user" with "@host?" in it would move the URI to that host.
        if any(getattr(uri, name) != values[name] for name in ("user", "password", "host", "port")):
            raise UriError(f"{str(uri)[:80]!r} has other parts than {', '.join(parts)} were to give it")
        return uri

    def __str__(self) -> str:
        if self._text:  # type: ignore[attr-defined]
            return self._text  # type: ignore[attr-defined, no-any-return]
        text = self.scheme + ":"
        if self.user is not None:
            text += self.user
            if self.password is not None:
                text += ":" + self.password
            text += "@"
        text += self.host
        if self.port is not None:
            text += f":{self.port}"
        text += write_params(self.params)
        if self.headers is not None:
            text += "?" + self.headers
        return text

    def __repr__(self) -> str:
        return f"<Uri {self}>"

    def _key(self) -> tuple[object, ...]:
        headers = ()
        if self.headers:
            fields = (part.partition("=") for part in self.headers.split("&"))
            headers = tuple(sorted((unescape(name).lower(), unescape(value)) for name, _, value in fields))  # type: ignore[assignment]
        return (
            self.scheme,
            None if self.user is None else _normal(self.user),
            None if self.password is None else _normal(self.password),
            self.host.lower(),
            self.port,
            headers,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Uri):
            return NotImplemented
        if self._key() != other._key():
            return False
        mine = {name: _normal(value or "").lower() for name, value in self.params}
        theirs = {name: _normal(value or "").lower() for name, value in other.params}
        if any(mine.get(name) != theirs.get(name) for name in _DISTINCT):
            return False
        return all(mine[name] == theirs[name] for name in mine if name in theirs)

    def __hash__(self) -> int:
        return hash(self._key())


class OtherUri:
    """An absolute URI of another scheme, unread."""

    __slots__ = ("scheme", "text")

    scheme: str
    text: str

    def __init__(self, scheme: str, text: str) -> None:
        put = object.__setattr__
        put(self, "scheme", scheme)
        put(self, "text", text)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a URI does not change")

    def param(self, name: str) -> str | None:
        """Always None."""
        return None

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, OtherUri) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)


AnyUri = Uri | TelUri | OtherUri


def _parse(text: str) -> AnyUri:
    if len(text) > MAX_URI:
        raise UriError(f"a URI of {len(text)} characters is above the limit of {MAX_URI}")
    found = _SIP.match(text)
    if found is None:
        scheme = _SCHEME.match(text)
        if scheme is None or scheme.group(1).lower() in ("sip", "sips"):
            raise UriError(f"{text[:80]!r} is not a SIP URI")
        if scheme.group(1).lower() == "tel":
            return TelUri.parse(text)
        return OtherUri(scheme.group(1).lower(), text)
    scheme_text, user, password, host, port_text, params_text, headers = found.groups()
    if _BAD_ESCAPE.search(text):
        raise UriError(f"{text[:80]!r}: a % is not followed by two hex digits")
    port = None if port_text is None else int(port_text)
    if port is not None and not 0 < port < 65536:
        raise UriError(f"{text[:80]!r}: the port is out of range")
    uri = Uri(scheme_text.lower(), user, password, host, port, _params(params_text, text), headers)
    object.__setattr__(uri, "_text", text)
    return uri


def _params(text: str, whole: str) -> Params:
    params = []
    seen = set()
    for part in text.split(";")[1:]:
        if not part:
            continue
        name, equals, value = part.partition("=")
        # Only what needs no escape is unescaped: written again, it must not become another parameter.
        name = _normal(name).lower()
        if not name or name in seen:
            raise UriError(
                f"{whole[:80]!r}: the parameter {name!r} is there twice"
                if name
                else f"{whole[:80]!r}: a parameter has no name"
            )
        seen.add(name)
        params.append((name, value if equals else None))
    return tuple(params)


@lru_cache(4096)
def parse_uri(text: str | bytes) -> AnyUri:
    """A SIP, tel or other absolute URI. Raises UriError."""
    return _parse(text if isinstance(text, str) else text.decode("utf-8", "surrogateescape"))


def unescape(text: str) -> str:
    """Text with its %HH escapes replaced by what they stand for."""
    if "%" not in text:
        return text
    raw = re.sub(
        rb"%([0-9A-Fa-f]{2})",
        lambda found: bytes((int(found.group(1), 16),)),
        text.encode("utf-8", "surrogateescape"),
    )
    return raw.decode("utf-8", "surrogateescape")


def _normal(text: str) -> str:
    """Escapes of characters that need none are undone, the others in upper case (19.1.4)."""

    def one(found: re.Match[str]) -> str:
        char = chr(int(found.group(1), 16))
        return char if char in _UNRESERVED else found.group(0).upper()

    return _ESCAPE.sub(one, text) if "%" in text else text
